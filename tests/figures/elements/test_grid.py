"""Images stand where they were put, on fixed grey levels."""

import numpy as np
import pytest
from figure_samples import SPLIT, check_drawn, words

from utils.figures.elements.grid import (
    LARGEST,
    WIDEST,
    grid_axes,
    image_grid,
    show_change,
    show_image,
)
from utils.figures.elements.notebook_figure import panel


def test_rows_and_columns_titles_and_captions():
    rows = [SPLIT.images[:3], [SPLIT.images[3], None]]
    figure = image_grid(rows, ("one_row", "two"), ("a", "b", "c"), [["x"], ["", "", "y"]], "all")
    check_drawn(figure)
    axes = grid_axes(figure, 2)
    filled = [[bool(axis.images) for axis in row] for row in axes]
    assert filled == [[True] * 3, [True, False, False]]
    assert [axis.get_title() for axis in axes[0]] == ["a", "b", "c"]
    assert [axis.get_ylabel() for axis in axes[:, 0]] == ["one row", "two"]
    assert axes[0, 0].get_xlabel() == "x" and axes[1, 2].get_xlabel() == "y"
    assert "all" in words(figure)
    assert np.array_equal(axes[1, 0].images[0].get_array(), SPLIT.images[3, 0])


def test_nothing_to_show_is_an_empty_grid():
    check_drawn(image_grid([[]]))
    check_drawn(image_grid([]))


@pytest.mark.parametrize("columns", [1, 4, 6, 12])
def test_images_are_as_large_as_the_page_allows(columns):
    figure = image_grid([[SPLIT.images[0]] * columns])
    width = figure.get_figwidth() / columns
    assert width == pytest.approx(min(LARGEST, WIDEST / columns), abs=0.11)


def test_grey_levels_are_fixed_and_large_images_are_averaged():
    _, axis = panel(2, 2)
    show_image(axis, np.full((1, 8, 8), 300.0))
    assert axis.images[0].get_clim() == (0, 255) and axis.images[0].get_array().max() == 255
    assert axis.images[0].get_interpolation() == "none"
    show_image(axis, np.zeros((1, 400, 400)))
    assert axis.images[1].get_interpolation() == "hanning"
    show_image(axis, np.zeros((3, 8, 8)))
    assert axis.images[2].get_array().shape == (8, 8, 3)
    show_image(axis, np.array([[[0, 65535], [256, 257]]], np.uint16))
    assert axis.images[3].get_array().tolist() == [[0, 255], [1, 1]]


def test_no_change_is_the_middle_of_the_colours():
    _, axis = panel(2, 2)
    show_change(axis, np.array([[[-4.0, 0.0, 4.0]]]), 4)
    low, high = axis.images[0].get_clim()
    assert low == -high and high >= 4
    red, _, blue = axis.images[0].to_rgba(4.0)[:3]
    assert red > blue
    show_change(axis, np.stack([np.full((2, 2), level) for level in (-4.0, 0.0, 4.0)]), 4)
    assert axis.images[1].get_array()[0, 0].tolist() == [0, 127, 255]
