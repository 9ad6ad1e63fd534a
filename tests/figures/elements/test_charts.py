"""A matrix says its numbers, a forest its dots and intervals."""

import numpy as np
from figure_samples import check_drawn, words

from utils.figures.elements.charts import band, forest, heat_map, name_rows, nothing, slant_names
from utils.figures.elements.notebook_figure import panel
from utils.figures.elements.style import ATTACKED, CLEAN


def test_a_matrix_shows_whole_numbers_names_and_no_missing_value():
    figure, axis = panel(4, 3)
    heat_map(axis, [[12.4, np.nan], [0, 100]], ("a_b", "c"), (2, 4), label="percent")
    slant_names(axis)
    check_drawn(figure)
    assert [text.get_text() for text in axis.texts] == ["12", "0", "100"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a b", "c"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["2", "4"]
    assert [each.get_ylabel() for each in figure.axes[1:]] == ["percent"]


def test_a_matrix_may_say_something_else_and_have_no_bar():
    figure, axis = panel(4, 3)
    heat_map(axis, [[1, 2]], texts=[["one", "two"]])
    assert [text.get_text() for text in axis.texts] == ["one", "two"] and len(figure.axes) == 1


def test_each_row_is_a_dot_on_its_interval():
    figure, axis = panel(4, 3)
    rows = [(0.5, 0.4, 0.6), (0.9, 0.8, 1.0)]
    forest(axis, rows, [CLEAN, ATTACKED], chance=0.3, label="score")
    name_rows(axis, ("a_b", "c"))
    check_drawn(figure)
    intervals, dots = axis.lines[:-1:2], axis.lines[1:-1:2]
    assert [list(line.get_xdata()) for line in intervals] == [[0.4, 0.6], [0.8, 1.0]]
    assert [dot.get_xdata()[0] for dot in dots] == [0.5, 0.9]
    assert [dot.get_color() for dot in dots] == [CLEAN, ATTACKED]
    assert axis.lines[-1].get_xdata()[0] == 0.3
    assert axis.get_legend_handles_labels()[1] == ["score", "constant answer"]
    assert axis.get_ylim() == (1.5, -0.5)  # the first on top


def test_in_place_of_a_figure_without_data_stands_the_reason():
    figure = nothing("No image was flagged.")
    check_drawn(figure)
    assert "No image was flagged." in words(figure) and figure.get_figheight() < 1


def test_a_band_holds_its_line():
    figure, axis = panel(4, 3)
    band(axis, [0, 10], [(0.5, 0.4, 0.7), (0.9, 0.8, 1.0)], ATTACKED, "score", width=3)
    check_drawn(figure)
    (line,), (area,) = axis.lines, axis.collections
    assert line.get_xydata().tolist() == [[0, 0.5], [10, 0.9]] and line.get_color() == ATTACKED
    assert line.get_linewidth() == 3
    edges = {tuple(point) for point in area.get_paths()[0].vertices.tolist()}
    assert {(0, 0.4), (0, 0.7), (10, 0.8), (10, 1.0)} <= edges
    assert axis.get_legend_handles_labels()[1] == ["score"]
