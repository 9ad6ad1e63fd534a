"""Pictures are drawn from arrays alone, with the names from the data, and nothing stays open."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from small import NAMES, small_split, small_splits, trained_network

from utils import figures
from utils.battery import Battery
from utils.contamination.attacks import PGD

HISTORY = [
    {"epoch": e, "train_loss": 1 / (e + 1), "validation_loss": 1.1 / (e + 1), "score": 0.1 * e}
    | {"train_accuracy": 0.2 * e, "validation_accuracy": 0.15 * e}
    for e in range(4)
]
TRIALS = [
    {"number": n, "state": "PRUNED" if n == 2 else "COMPLETE", "value": 0.1 * n} for n in range(5)
]
SPLIT = small_split(30)
BATTERY = Battery(PGD(0.1, steps=2))
ANSWERS = BATTERY.ask(trained_network(), SPLIT)
PIXELS = SPLIT.images[:3] / 255
HEAT = np.random.default_rng(0).random((3, 16, 16)) * np.array([1, 1, 0])[:, None, None]
MASKS = torch.ones(3, 16, 16, dtype=torch.bool)

FIGURES = {
    "examples": lambda: figures.examples(SPLIT),
    "class_balance": lambda: figures.class_balance(small_splits()),
    "curves": lambda: figures.curves(HISTORY, 0.4),
    "tuning": lambda: figures.tuning(TRIALS, {"learning_rate": 0.7, "optimizer": 0.3}),
    "tuning without importances": lambda: figures.tuning(TRIALS, {}),
    "confusions": lambda: figures.confusions(ANSWERS),
    "accuracy_by_epsilon": lambda: figures.accuracy_by_epsilon(
        {"standard training": BATTERY.curve(ANSWERS, "pgd"), "x": BATTERY.curve(ANSWERS, "fgsm")}
    ),
    "perturbations": lambda: figures.perturbations(PIXELS, PIXELS + 0.01, NAMES, NAMES, 10),
    "looks": lambda: figures.looks(
        SPLIT.images[:3], MASKS, {"clean": HEAT}, {"clean": ["a", "b", "c"]}
    ),
    "looks without masks": lambda: figures.looks(
        SPLIT.images[:3], None, {"clean": HEAT}, {"clean": ["a", "b", "c"]}
    ),
    "patches": lambda: figures.patches(SPLIT.images[0], 4),
    "sensitivities": lambda: figures.sensitivities({"standard": HEAT[0], "adversarial": HEAT[1]}),
    "transfer": lambda: figures.transfer({"a": ANSWERS, "b": ANSWERS}, ANSWERS),
    "pairs": lambda: figures.pairs(SPLIT.images[:4].reshape(2, 2, 1, 16, 16).numpy()),
    "drops": lambda: figures.drops({"standard": ANSWERS, "adversarial": ANSWERS}),
}


def words(figure) -> set[str]:
    return {text.get_text() for text in figure.findobj(plt.Text)}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn_and_closed(name, tmp_path):
    figure = FIGURES[name]()
    figure.savefig(tmp_path / "figure.png")
    assert not plt.get_fignums()


def test_class_names_come_from_the_data_in_their_order():
    axis = FIGURES["confusions"]().axes[0]
    assert tuple(label.get_text() for label in axis.get_xticklabels()) == NAMES
    assert tuple(label.get_text() for label in axis.get_yticklabels()) == NAMES


def test_the_numbers_in_a_confusion_matrix_are_the_counts():
    shown = FIGURES["confusions"]().axes[0].texts
    assert [int(t.get_text()) for t in shown] == ANSWERS["clean"].confusion.flatten().tolist()


def test_a_chance_line_is_named():
    assert "majority class" in words(FIGURES["accuracy_by_epsilon"]())
    assert "majority class" in words(FIGURES["curves"]())


def test_an_empty_heat_map_is_said():
    assert "c\n(no heat)" in words(FIGURES["looks"]())


def test_a_magnified_change_says_its_factor():
    assert "change × 10" in words(FIGURES["perturbations"]())
