"""Colours mean the same everywhere, shares read as percent, and lines have names."""

from io import BytesIO

import numpy as np
import pytest
from figure_samples import words

from utils.figures.elements.notebook_figure import house_style, panel
from utils.figures.elements.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    DEFENDED,
    chance_line,
    name_lines,
    percent,
    plural,
    readable,
    spread,
    variant_colours,
)


def test_trainings_and_attackers_have_their_own_colours():
    names = ["standard training", "adversarial", "pgd", "new", "another"]
    colours = variant_colours(names)
    assert colours[:3] == [CLEAN, DEFENDED, ATTACKED] and colours[3] != colours[4]


@pytest.mark.parametrize(
    ("count", "text"),
    [(1, "1 image"), (330.0, "330 images"), (0, "0 images"), (1917, "1,917 images")],
)
def test_numbers_are_whole_and_nouns_agree(count, text):
    assert plural(count, "image") == text


def test_names_are_read_without_underscores():
    assert readable("mild_demented") == "mild demented" and readable(4) == "4"


def test_shares_read_as_percent():
    figure, axis = panel(4, 3)
    axis.plot([0, 1], [0.005, 1])
    percent(axis.yaxis, "accuracy")
    assert axis.get_ylabel() == "accuracy (%)"
    shown = axis.yaxis.get_major_formatter()
    assert [shown(share, None) for share in (0.005, 0.7, 1)] == ["0.5", "70", "100"]


@house_style
def many(count):
    figure, axis = panel(6, 3)
    for number in range(count):
        axis.plot([0, 1], [0.5, 0.5 + 0.001 * number], color=f"C{number}", label=f"line {number}")
    chance_line(axis, 0.5, "majority class")
    name_lines(axis)
    return figure


def test_four_lines_are_named_at_their_ends_and_five_in_a_legend():
    few, more = many(4), many(5)
    assert not few.legends and {f"line {k}" for k in range(4)} | {"majority class"} <= words(few)
    assert len(more.legends) == 1 and "line 4" in words(more)
    few.savefig(BytesIO())
    texts = few.axes[0].texts
    assert {text.get_color() for text in texts} == {*(f"C{k}" for k in range(4)), CHANCE}
    tops = sorted(text.get_window_extent().y0 for text in texts)
    heights = [text.get_window_extent().height for text in texts]
    assert min(np.diff(tops)) > 0.8 * max(heights)  # no name lies on another


def test_names_are_moved_no_further_than_they_must():
    assert spread([0.1, 0.9, 0.5], 0.1).tolist() == [0.1, 0.9, 0.5]
    assert spread([0.0, 0.0], 0.1).tolist() == [0.0, 0.1]
    np.testing.assert_allclose(spread([1.0, 0.99], 0.1), [1.0, 0.9])
