"""What is detected, the most suspicious images, and what repairs bring."""

import numpy as np
import pandas as pd
import pytest
from figure_samples import FOUND, SPLIT, check_drawn, words

from utils import figures
from utils.evaluation.intervals import Interval
from utils.figures.style import ATTACKED, CHANCE, DEFENDED

SURE, LOSS, OPEN = Interval(0.1, 0.05, 0.2), Interval(-0.1, -0.2, -0.01), Interval(0, -0.1, 0.1)
CURVE = pd.DataFrame({"success": [1, 0.4], "flagged": [0.9, 0.1]}, index=["6", "1"])
FIGURES = {
    "roc_by_kind": lambda: figures.roc_by_kind({"noise": FOUND, "anything": FOUND}, 0.01),
    "power_by_frequency": lambda: figures.power_by_frequency(
        {"real": np.outer(np.arange(1, 5), range(8)), "fakes": np.ones((3, 8))}
    ),
    "contact_sheet": lambda: figures.contact_sheet(SPLIT.images[:7], list("abcdefg")),
    "empty sheet": lambda: figures.contact_sheet([], []),
    "estimated_shares": lambda: figures.estimated_shares(
        {"noise": SURE, "label error": SURE}, {"noise": 0.1, "label error": 0.3}
    ),
    "price_of_hiding": lambda: figures.price_of_hiding({"PGD": CURVE, "noise": CURVE / 2}, 0.01),
    "paired_differences": lambda: figures.paired_differences(
        {"sure": (SURE, [0.1, 0.2]), "loss": (LOSS, [-0.1]), "open": (OPEN, [])}, "gain", 0.05
    ),
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


def test_a_roc_curve_rises_where_images_are_contaminated_and_names_its_lines():
    figure = FIGURES["roc_by_kind"]()
    curve = figure.axes[0].lines[0]
    assert curve.get_ydata().tolist() == [0, 0.5, 0.5, 1, 1]
    assert curve.get_xdata().tolist() == [0.005, 0.005, 0.5, 0.5, 1]  # none flagged: left edge
    assert {"chance", "1 %", "noise"} <= words(figure)


def test_a_contact_sheet_keeps_the_order_and_leaves_the_rest_empty():
    axes = FIGURES["contact_sheet"]().axes
    assert [axis.get_xlabel() for axis in axes] == [*"abcdefg", *[""] * 5]
    assert [bool(axis.images) for axis in axes] == [True] * 7 + [False] * 5


def test_power_is_a_mean_over_images():
    real, fakes = FIGURES["power_by_frequency"]().axes[0].lines
    assert real.get_ydata().tolist() == (2.5 * np.arange(8)).tolist()
    assert fakes.get_ydata().tolist() == [1] * 8


def test_the_truth_stands_beside_its_estimate():
    axis = FIGURES["estimated_shares"]().axes[0]
    (truth,) = (line for line in axis.lines if line.get_marker() == "D")
    assert truth.get_xdata().tolist() == [0.1, 0.3]
    assert {"estimate", "truth", "label error"} <= words(axis.figure)


def test_a_price_has_a_dot_for_each_strength():
    figure = FIGURES["price_of_hiding"]()
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1, 0.4]
    assert {"6", "1", "PGD", "noise"} <= words(figure)


def test_a_difference_is_coloured_by_its_interval_not_by_its_sign():
    axis = FIGURES["paired_differences"]().axes[0]
    dots = [line for line in axis.lines if line.get_marker() == "o" and line.get_alpha() is None]
    assert [line.get_color() for line in dots] == [DEFENDED, ATTACKED, CHANCE]
    assert {"+10.0", "-10.0", "gain (points)"} <= words(axis.figure)


def test_before_and_after_stand_in_every_panel():
    left, right = FIGURES["before_and_after"]().axes
    for axis, expected in ((left, [0.1, 0]), (right, [0, 0.1])):
        dots = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "o"]
        assert dots == expected
    assert right.get_xlim()[1] == pytest.approx(0.515)
    assert {"before", "after", "obeyed"} <= words(left.figure)
