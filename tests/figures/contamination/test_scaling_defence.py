"""Hidden images: what is flagged, repaired, and what hiding costs."""

import numpy as np
import pytest
from figure_samples import check_drawn, words
from matplotlib.colors import same_color

from utils import figures
from utils.evaluation.intervals import Interval
from utils.figures.elements.style import ATTACKED, CONTROL

SCORES = {"clean": np.array([1.0, 2.0]), "hidden": np.array([5.0, 0.5, 9.0, 8.0])}
HALF, WHOLE = Interval(0.5, 0.4, 0.6), Interval(1.0, 0.9, 1.0)
FIGURES = {
    "score_strips": lambda: figures.score_strips(
        {"one": SCORES, "two": SCORES}, {"one": 3, "two": 6}, {"hidden": ATTACKED}
    ),
    "repairs": lambda: figures.repairs(
        {"as it is": (HALF, WHOLE), "median": (WHOLE, WHOLE)}, "accuracy", 1 / 3
    ),
    "price_of_disguise": lambda: figures.price_of_disguise(
        {"unaware": 28.0, "brush": 18.0}, {"obeyed": [HALF, WHOLE], "flagged": [WHOLE, HALF]}, 0.9
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_the_share_beyond_the_limit_stands_beside_each_row():
    axes = FIGURES["score_strips"]().axes
    assert [[text.get_text() for text in axis.texts] for axis in axes] == [
        ["0 %", "75 %"],
        ["0 %", "50 %"],
    ]
    first = axes[0].texts
    assert same_color(first[0].get_color(), CONTROL) and same_color(first[1].get_color(), ATTACKED)


def test_attackers_stand_in_the_order_of_what_hiding_costs():
    figure = FIGURES["price_of_disguise"]()
    axis = figure.axes[0]
    assert axis.xaxis_inverted() and {"unaware", "brush", "obeyed", "flagged"} <= words(figure)
    assert axis.lines[0].get_xdata().tolist() == [28, 18]
