"""Shares and their truth, prices."""

import pandas as pd
import pytest
from figure_samples import check_drawn, words

from utils import figures
from utils.evaluation.intervals import Interval

SURE, OPEN = Interval(0.1, 0.05, 0.2), Interval(0, -0.1, 0.1)
CURVE = pd.DataFrame({"success": [1, 0.4], "flagged": [0.9, 0.1]}, index=["6", "1"])
FIGURES = {
    "estimated_shares": lambda: figures.estimated_shares(
        {"noise": SURE, "label error": SURE}, {"noise": 0.1, "label error": 0.3}
    ),
    "price_of_hiding": lambda: figures.price_of_hiding({"PGD": CURVE, "noise": CURVE / 2}, 0.01),
    "detector_matrix": lambda: figures.detector_matrix(
        pd.DataFrame({"noise": [0.5, 1.0]}, index=["noise level", "Mahalanobis"])
    ),
    "before_and_after": lambda: figures.before_and_after(
        {"obeyed": {"patch": (SURE, OPEN)}, "missed": {"patch": (OPEN, SURE)}}, limits=(1, 0.5)
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_the_truth_stands_beside_its_estimate():
    axis = FIGURES["estimated_shares"]().axes[0]
    (truth,) = (line for line in axis.lines if line.get_marker() == "D")
    assert truth.get_xdata().tolist() == [0.1, 0.3]
    assert {"estimate", "truth", "label error"} <= words(axis.figure)


def test_a_price_has_a_dot_for_each_strength():
    figure = FIGURES["price_of_hiding"]()
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1, 0.4]
    assert {"6", "1", "PGD", "noise"} <= words(figure)


def test_before_and_after_stand_in_every_panel():
    left, right = FIGURES["before_and_after"]().axes
    for axis, expected in ((left, [0.1, 0]), (right, [0, 0.1])):
        dots = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "o"]
        assert dots == expected
    assert right.get_xlim()[1] == pytest.approx(0.515)
    assert {"before", "after", "obeyed"} <= words(left.figure)
