"""What is detected, and the most suspicious images."""

import pytest
from figure_samples import SPLIT, check_drawn, words
from matplotlib.colors import to_hex

from utils import figures
from utils.evaluation.intervals import Interval

FIGURES = {
    "contact_sheet": lambda: figures.contact_sheet(SPLIT.images[:7], list("abcdefg")),
    "empty sheet": lambda: figures.contact_sheet([], []),
    "score_panels": lambda: figures.score_panels(
        {"flips": {"lie": Interval(0.8, 0.7, 0.9), "control": Interval(0.1, 0.0, 0.2)}},
        {"lie": figures.ATTACKED},
        {"flips": 0.5},
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_a_contact_sheet_keeps_the_order_and_leaves_the_rest_empty():
    axes = FIGURES["contact_sheet"]().axes
    assert [axis.get_xlabel() for axis in axes] == [*"abcdefg", *[""] * 5]
    assert [bool(axis.images) for axis in axes] == [True] * 7 + [False] * 5


def test_bars_stand_in_the_order_of_the_rows_with_their_colours():
    figure = FIGURES["score_panels"]()
    bars = figure.axes[0].patches
    assert [bar.get_width() for bar in bars] == [0.8, 0.1]
    assert [to_hex(bar.get_facecolor()) for bar in bars] == ["#d55e00", "#999999"]
    assert {"80", "10", "lie", "control", "flips (%)"} <= words(figure)
    assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1]  # the first on top
