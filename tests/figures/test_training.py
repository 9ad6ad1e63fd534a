"""Curves of trainings and of a search."""

import pytest
from figure_samples import HISTORY, check_drawn, words

from utils import figures
from utils.figures.elements.style import DEFENDED as GREEN
from utils.figures.training import ENOUGH_TRIALS, SHORT

DEFENDED = {
    name: [{**row, "one_step": 0.9 - 0.1 * row["epoch"]} for row in HISTORY]
    for name in ("adversarial", "fast")
}
TRIALS = [
    {"number": n, "state": "PRUNED" if n == 2 else "COMPLETE", "value": 0.1 * n} for n in range(5)
]
IMPORTANCES = {"learning_rate": 0.7, "optimizer": 0.3}
SEARCH = [
    {**trial, "rate": 10.0 ** -trial["number"], "reads": "ab"[trial["number"] % 2]}
    for trial in TRIALS
]
FIGURES = {
    "training_curves": lambda: figures.training_curves(HISTORY, 0.4),
    "defence_curves": lambda: figures.defence_curves(DEFENDED, 3),
    "tuning": lambda: figures.tuning(TRIALS, IMPORTANCES),
    "tuning without importances": lambda: figures.tuning(TRIALS, {}),
    "trial_scatter": lambda: figures.trial_scatter(SEARCH, IMPORTANCES, "rate", "reads"),
    "trial_scatter of few": lambda: figures.trial_scatter(
        SEARCH, {}, "rate", "reads", ("the rate", "the score"), lines={"constant answer": 0.2}
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_the_legend_hides_neither_curve():
    figure = FIGURES["training_curves"]()
    assert figure.legends and not any(axis.get_legend() for axis in figure.axes)


def test_few_epochs_are_marked_and_many_are_not():
    many = [{**HISTORY[0], "epoch": e} for e in range(SHORT + 1)]
    for history, mark in ((HISTORY[:2], "."), (many, "None")):
        figure = figures.training_curves(history, 0.4)
        assert {line.get_marker() for line in figure.axes[0].lines} == {mark}


def test_the_curves_say_what_they_are():
    plain = words(FIGURES["training_curves"]())
    assert {"during training", "validation"} <= plain and "training" not in plain
    averaged = [{**row, "averaged": True} for row in HISTORY]
    shown = words(figures.training_curves(averaged, 0.4))
    assert "validation, averaged weights" in shown and "validation" not in shown


def test_the_line_of_a_constant_answer_is_named():
    figure = FIGURES["training_curves"]()
    (line,) = (each for each in figure.axes[1].lines if each.get_label() == "constant answer")
    assert set(line.get_ydata()) == {0.4}


def test_a_defence_shows_clean_beside_attacked():
    clean, attacked = FIGURES["defence_curves"]().axes
    shown = {line.get_label(): line for line in attacked.lines if line.get_label()[0] != "_"}
    assert list(shown) == ["adversarial", "fast", "constant answer"]
    assert list(shown["fast"].get_ydata()) == [row["score"] for row in HISTORY]
    assert set(shown["constant answer"].get_ydata()) == {1 / 3}
    assert shown["adversarial"].get_color() == GREEN and shown["fast"].get_color() != GREEN
    assert [line.get_label() for line in clean.lines if line.get_label()[0] != "_"] == [*DEFENDED]
    dots = [line for line in attacked.lines if line.get_marker() == "o"]
    assert [list(dot.get_xdata()) for dot in dots] == [[4], [4]]  # the best score is the last


def test_no_half_of_a_search_is_empty():
    assert len(FIGURES["tuning"]().axes) == 2
    assert len(FIGURES["tuning without importances"]().axes) == 1
    few = figures.tuning(TRIALS[: ENOUGH_TRIALS - 1], IMPORTANCES)
    assert len(few.axes) == 1 and few.get_figwidth() == FIGURES["tuning"]().get_figwidth()


def test_the_best_so_far_never_falls_and_a_pruned_trial_does_not_count():
    lines = {line.get_label(): line for line in FIGURES["tuning"]().axes[0].lines}
    assert lines["best so far"].get_ydata() == pytest.approx([0, 0.1, 0.1, 0.3, 0.4])
    assert list(lines["pruned"].get_xdata()) == [3]


def test_each_trial_is_a_mark_of_its_group_and_ended_ones_are_crosses():
    axis, right = FIGURES["trial_scatter"]().axes
    marks = {line.get_marker(): 0 for line in axis.lines}
    for line in axis.lines:
        marks[line.get_marker()] += len(line.get_xdata())
    assert marks == {"o": 4, "x": 1} and axis.get_xscale() == "log"
    colours = {line.get_color() for line in axis.lines if line.get_marker() == "o"}
    assert len(colours) == 2 and right.patches
    (only,) = FIGURES["trial_scatter of few"]().axes
    assert only.get_xlabel() == "the rate" and "constant answer" in words(only.figure)
