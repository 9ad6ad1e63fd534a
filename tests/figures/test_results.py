"""All runs in one picture, however many there are."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figure_samples import ANSWERS, FEWER, PAIRS, SUITE, check_drawn, words
from small import random_predictions

from utils import figures
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.metrics import drops
from utils.evaluation.predictions import Predictions

MODELS = {  # as many as a long course leaves, some with fewer conditions
    (f"backbone_{n}_atk", variant): answers
    for n in range(4)
    for variant, answers in {
        "standard": ANSWERS,
        "adversarial": ANSWERS,
        "soft vote": FEWER,
    }.items()
} | {
    ("other", "standard"): {CLEAN: ANSWERS[CLEAN]},
    ("odd", "a"): {Condition("shuffled"): FEWER[CLEAN]},
}
PGD_4 = Condition("pgd", 4 / 255)
STRONGEST = dict.fromkeys([run for run, _ in MODELS], SUITE.strongest) | {"other": None}
FIGURES = {
    "accuracies": lambda: figures.accuracies(MODELS),
    "robustness_against_clean": lambda: figures.robustness_against_clean(MODELS, STRONGEST),
    "drops_by_run": lambda: figures.drops_by_run(MODELS),
    "differences": lambda: figures.differences(PAIRS),
    "nothing attacked": lambda: figures.robustness_against_clean({}, {}),
    "nothing dropped": lambda: figures.drops_by_run({}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_a_cell_that_was_not_measured_stays_empty():
    shown = [text.get_text() for text in FIGURES["accuracies"]().axes[0].texts]
    assert len(shown) == sum(len(answers) for answers in MODELS.values())
    assert f"{100 * ANSWERS[CLEAN].accuracy:.0f}" in shown


def test_a_table_without_a_lost_cell_is_drawn_without_a_warning(recwarn):
    right = Predictions(np.arange(3), np.eye(3), np.arange(3), ("a", "b", "c"))
    figures.accuracies({("resnet", "standard"): {CLEAN: right}})
    assert not [str(warning.message) for warning in recwarn]


def test_only_what_met_the_strongest_attack_is_set_against_clean_accuracy():
    named = words(FIGURES["robustness_against_clean"]())
    shown = {"backbone 0 atk, 15 patients", "15 patients", "soft vote", "majority class"}
    assert shown <= named
    assert not named & {"other", "odd"}


def test_a_drop_is_a_dot_on_its_interval():
    answers = {CLEAN: random_predictions(0), PGD_4: random_predictions(1, 0)}
    axis = figures.drops_by_run({("run", "standard"): answers}).axes[0]
    value, low, high = drops(answers[CLEAN], answers[PGD_4]).loc["combined"]
    assert axis.lines[0].get_xdata() == pytest.approx([low, high])
    assert axis.lines[1].get_xdata()[0] == pytest.approx(value)
    assert [label.get_text() for label in axis.get_yticklabels()] == ["pgd 4"]


def test_pairs_are_shown_once_and_without_a_verdict():
    assert "verdict" not in PAIRS and len(PAIRS) == 3
    axis = FIGURES["differences"]().axes[0]
    assert len(axis.texts) == 3 and not any(isinstance(p, plt.Rectangle) for p in axis.patches)


@pytest.mark.parametrize(
    "name", ["accuracies", "differences", "drops_by_run", "robustness_against_clean"]
)
def test_no_word_is_cut_off(name, tmp_path):
    figure = FIGURES[name]()
    figure.savefig(tmp_path / "figure.png")  # which lays it out
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn.x0 > -0.03 and drawn.x1 < width + 0.03
    assert drawn.y0 > -0.03 and drawn.y1 < height + 0.03
