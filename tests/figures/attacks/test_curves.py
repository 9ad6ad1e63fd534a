"""Curves stand at their scores, with all of their parts to be seen."""

from itertools import pairwise

import numpy as np
import pytest
from figure_samples import (
    ANSWERS,
    SUITE,
    check_balanced,
    check_drawn,
    words,
)
from small import some_predictions

from utils import figures
from utils.evaluation.metrics import score_of

FIGURES = {
    "accuracy_by_epsilon": lambda: figures.accuracy_by_epsilon(
        {"standard training": SUITE.curve(ANSWERS, "pgd"), "x": SUITE.curve(ANSWERS, "fgsm")}
    ),
    "smallest_changes": lambda: figures.smallest_changes(
        {"standard": np.array([0, 0.01, 0.5, np.inf])},
        {"standard": SUITE.curve(ANSWERS, "pgd")},
    ),
    "accuracy_by_queries": lambda: figures.accuracy_by_queries(
        {"square": np.array([0, 3, 90, np.inf]), "nothing": np.full(4, np.inf)},
        {"square": 100, "nothing": 100},
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_the_line_of_smallest_changes_falls_where_an_image_does():
    (line, *_), largest = FIGURES["smallest_changes"]().axes[0].lines, max(SUITE.sizes)
    levels, left = line.get_xdata(), line.get_ydata()
    assert levels[-1] == pytest.approx(255 * largest) and left[0] == 0.75
    steps = [0.75 if level < 2.55 else (0.5 if level < 127.5 else 0.25) for level in levels]
    assert left.tolist() == steps


def test_a_constant_answer_has_its_share_although_one_class_is_common():
    check_balanced(lambda curve: figures.accuracy_by_epsilon({"standard": curve}))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_line_below_an_equal_one_can_be_seen(count):
    """Under one step PGD is FGSM."""
    curves = {str(number): SUITE.curve(ANSWERS, "pgd") for number in range(count)}
    lines = figures.accuracy_by_epsilon(curves).axes[0].lines[:count]
    for below, above in pairwise(lines):
        assert below.get_linewidth() > above.get_linewidth() + 0.7
        assert below.get_markersize() > above.get_markersize() + 1
    assert lines[-1].get_linewidth() == 1.5


def test_the_curve_of_queries_starts_with_those_that_were_right():
    figure = figures.accuracy_by_queries({"square": np.array([0, 3, 90, np.inf])}, {"square": 100})
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == [1, 3, 90, 100]
    assert line.get_ydata().tolist() == [0.75, 0.5, 0.25, 0.25]


def test_what_another_attacker_leaves_is_a_dashed_line():
    needed = {"square": np.array([0, 3, 90, np.inf])}
    axis = figures.accuracy_by_queries(needed, {"square": 100}, {"PGD": 0.1}).axes[0]
    (floor,) = [line for line in axis.lines if line.get_linestyle() == "--"]
    assert set(floor.get_ydata()) == {0.1} and floor.get_label() == "PGD"


def test_curves_that_coincide_differ_in_width():
    needed = {"square": np.full(4, np.inf), "few pixels": np.full(4, np.inf)}
    steps = figures.accuracy_by_queries(needed, dict.fromkeys(needed, 9)).axes[0].lines[::2]
    assert steps[0].get_linewidth() > steps[1].get_linewidth()


def test_lines_over_sizes_stand_at_their_scores_and_are_named():
    skills = {"strongest rows": {1: 2.0, 2: 1.0}, "random rows": {1: 2.0, "all": 0.5}}
    curves = {
        name: {size: some_predictions(skill=skill) for size, skill in by_size.items()}
        for name, by_size in skills.items()
    }
    figure = figures.scores_by_count(curves, "attacked rows", colours=("red", "grey"))
    check_drawn(figure)
    axis = figure.axes[0]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["1", "2", "all"]
    assert {"strongest rows", "random rows", "constant answer"} <= words(figure)
    drawn = {line.get_label(): line for line in axis.lines}
    last = score_of(curves["random rows"]["all"], "balanced accuracy").value
    assert list(drawn["random rows"].get_xdata()) == [0, 2]
    assert drawn["random rows"].get_ydata()[-1] == last
