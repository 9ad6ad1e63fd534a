"""Attackers beside each other."""

import numpy as np
import pytest
from figure_samples import ANSWERS, PIXELS, check_drawn, words
from small import some_predictions

from utils import figures
from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import score_of
from utils.figures.elements.style import ATTACKED, CLEAN

CLAIMED = {"leak": 0.9, "wrong count": 0.5}
TRUE = {name: Interval(0.7, 0.6, 0.8) for name in CLAIMED}
FIGURES = {
    "targets_reached": lambda: figures.targets_reached(
        {"standard": np.full((3, 3), 0.25), "adversarial": np.zeros((3, 3))}, "abc"
    ),
    "findings_wrong": lambda: figures.findings_wrong(
        {"clean": np.zeros(3), "all findings": np.array([0.5, 1, 0.25])}, ("mass", "a", "b")
    ),
    "patch_gallery": lambda: figures.patch_gallery(
        (None, PIXELS[0, :, :4, :4]),
        {"clean": PIXELS[:2], "square": PIXELS[:2]},
        {"clean": ["dark", "bright"], "square": ["dark", "dark"]},
    ),
    "accuracy_by_queries": lambda: figures.accuracy_by_queries(
        {"square": np.array([0, 3, 90, np.inf]), "nothing": np.full(4, np.inf)},
        {"square": 100, "nothing": 100},
    ),
    "attack_gallery": lambda: figures.attack_gallery(
        PIXELS[0], {"(clean)": PIXELS[0], "noise": PIXELS[1]}, ["dark", "bright"], 10
    ),
    "transfer": lambda: figures.transfer({"a": ANSWERS, "b": ANSWERS}, ANSWERS),
    "claimed_vs_true": lambda: figures.claimed_vs_true(CLAIMED, TRUE),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


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


def test_targets_are_in_percent_and_the_diagonal_is_empty():
    axis = FIGURES["targets_reached"]().axes[0]
    assert [text.get_text() for text in axis.texts] == ["25"] * 6


def test_wrong_findings_are_in_percent_row_by_row():
    axis = FIGURES["findings_wrong"]().axes[0]
    assert [text.get_text() for text in axis.texts] == ["0"] * 3 + ["50", "100", "25"]


def test_a_prediction_that_a_square_turns_is_orange():
    axes = FIGURES["patch_gallery"]().axes
    colours = [axis.xaxis.label.get_color() for axis in axes[4:]]
    assert [axis.get_xlabel() for axis in axes[4:]] == ["dark", "dark"]
    assert colours == [CLEAN, ATTACKED]


def test_curves_that_coincide_differ_in_width():
    needed = {"square": np.full(4, np.inf), "few pixels": np.full(4, np.inf)}
    steps = figures.accuracy_by_queries(needed, dict.fromkeys(needed, 9)).axes[0].lines[::2]
    assert steps[0].get_linewidth() > steps[1].get_linewidth()


def test_a_gallery_says_its_factor_and_shows_what_was_changed():
    figure = FIGURES["attack_gallery"]()
    assert {"change × 10", "(clean)", "noise"} <= words(figure)
    colours = [axis.xaxis.label.get_color() for axis in figure.axes[:2]]
    assert colours == [CLEAN, ATTACKED]
    change = figure.axes[3].images[0].get_array()
    np.testing.assert_allclose(change, 255 * (PIXELS[1] - PIXELS[0])[0], atol=1e-3)


def test_a_transfer_matrix_has_the_clean_images_first_in_percent():
    axis = FIGURES["transfer"]().axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["(clean)", "a", "b"]
    shown = [text.get_text() for text in axis.texts]
    assert shown == [f"{100 * each.accuracy:.0f}" for each in ANSWERS.values()] * 3


def test_a_claim_is_a_cross_beside_the_true_interval():
    axis = FIGURES["claimed_vs_true"]().axes[0]
    crosses = [line for line in axis.lines if line.get_marker() == "X"]
    assert list(crosses[0].get_xdata()) == [90, 50]
    assert [list(line.get_xdata()) for line in axis.lines[:4:2]] == [pytest.approx([60, 80])] * 2
    assert [label.get_text() for label in axis.get_yticklabels()] == list(CLAIMED)


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


def test_what_a_defence_seems_worth_is_drawn_to_what_it_is_worth():
    rows = {
        "network": (Interval(0.8, 0.7, 0.9), Interval(0.1, 0.0, 0.2), Interval(0.1, 0.0, 0.2)),
        "rounded": (Interval(0.8, 0.7, 0.9), Interval(0.7, 0.6, 0.8), Interval(0.2, 0.1, 0.3)),
    }
    figure = figures.seeming_and_real(rows, "balanced accuracy", 0.25)
    check_drawn(figure)
    assert {*rows, "clean", "attacked", "attacked, knowing", "constant answer"} <= words(figure)
    spans = [list(line.get_xdata()) for line in figure.axes[0].lines if line.get_linewidth() == 6]
    assert spans == [[0.1, 0.1], [0.7, 0.2]]
