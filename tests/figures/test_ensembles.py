"""The members of an ensemble beside each other."""

import numpy as np
import pytest
from figure_samples import check_drawn
from matplotlib.colors import to_rgba

from utils import figures
from utils.evaluation.intervals import Interval
from utils.figures.style import ATTACKED, CLEAN

AT_ONCE = {name: np.array([0.5, 0.3, 0.2]) for name in ("by chance", "clean", "attacked")}
PAIRS = {("a", "b"): (Interval(0.3, 0.2, 0.4), Interval(0.0, -0.1, 0.1))}
FIGURES = {
    "wrong_at_once": lambda: figures.wrong_at_once(AT_ONCE),
    "slope_cosines": lambda: figures.slope_cosines(PAIRS),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_bars_of_members_that_err_at_once_are_shares_and_coloured_by_outcome():
    axis = FIGURES["wrong_at_once"]().axes[0]
    heights = [[bar.get_height() for bar in group] for group in axis.containers]
    assert heights == [[0.5, 0.3, 0.2]] * 3
    colours = [group[0].get_facecolor() for group in axis.containers]
    assert colours[1:] == [to_rgba(CLEAN), to_rgba(ATTACKED)]


def test_cosines_of_a_pair_stand_beside_their_control():
    axis = FIGURES["slope_cosines"]().axes[0]
    dots = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "o"]
    assert dots == [0.3, 0.0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a · b"]
