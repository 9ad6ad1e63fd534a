"""What is detected, and the most suspicious images."""

import pytest
from figure_samples import FOUND, SPLIT, check_drawn, words

from utils import figures

FIGURES = {
    "roc_by_kind": lambda: figures.roc_by_kind({"noise": FOUND, "anything": FOUND}, 0.01),
    "contact_sheet": lambda: figures.contact_sheet(SPLIT.images[:7], list("abcdefg")),
    "empty sheet": lambda: figures.contact_sheet([], []),
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
