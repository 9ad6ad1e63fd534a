"""Pictures that follow a slider: their colours follow the outcome."""

import numpy as np
import pytest
from figure_samples import check_drawn, words

from utils import figures
from utils.evaluation.intervals import Interval
from utils.figures.elements.style import ATTACKED, CLEAN

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(20, 230, (1, 16, 16))
COLOUR = RNG.integers(20, 230, (3, 16, 16))
NAMES = ("no_finding", "mild", "severe")
SHARES = {
    "clean": np.array([0.8, 0.1, 0.1]),
    "noise": np.array([0.7, 0.2, 0.1]),
    "attacked": np.array([0.1, 0.2, 0.7]),
}
LARGE = RNG.integers(0, 255, (1, 64, 64))
SEEN = {"nearest": (IMAGE, True), "bilinear": (IMAGE, False)} | {
    name: (IMAGE, False) for name in ("other", "area")
}
CURVE = {0: 0.5, 50: 0.7, 100: 0.9}
FOUR = [IMAGE] * 4
FIGURES = {
    "attack": lambda: figures.attack_at_size(IMAGE, IMAGE + 4, SHARES, 0, NAMES, 4),
    "attack in colour": lambda: figures.attack_at_size(COLOUR, COLOUR, SHARES, 0, NAMES, 0),
    "threshold": lambda: figures.scores_and_threshold(
        RNG.random(9) + 0.1, RNG.random(9) + 0.5, 0.6, (0.25, 0.75), (0.1, 1.5)
    ),
    "resizers": lambda: figures.seen_by_resizers(LARGE, LARGE, IMAGE, SEEN, "nearest", 24.1),
    "leak": lambda: figures.accuracy_by_leak(
        CURVE, 50, Interval(0.7, 0.6, 0.8), 0.4, FOUR, FOUR, [True, False, False, True]
    ),
    "pair": lambda: figures.pair_and_change(np.stack([IMAGE, IMAGE + 2])),
    "pair, answered": lambda: figures.pair_and_change(np.stack([IMAGE, IMAGE + 2]), "B"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_predictions_are_coloured_by_outcome():
    clean, change, attacked, _ = FIGURES["attack"]().axes
    assert (clean.get_xlabel(), attacked.get_xlabel()) == (
        "predicted: no finding",
        "predicted: severe",
    )
    assert clean.xaxis.label.get_color() == CLEAN
    assert attacked.xaxis.label.get_color() == ATTACKED
    np.testing.assert_array_equal(change.images[0].get_array(), 4)


def test_every_condition_has_a_bar_for_each_class():
    bars = FIGURES["attack"]().axes[3].patches
    assert [bar.get_width() for bar in bars] == pytest.approx([80, 10, 10, 70, 20, 10, 10, 20, 70])


def test_what_a_resizer_sees_is_orange_where_it_is_the_hidden_image():
    figure = FIGURES["resizers"]()
    colours = [axis.xaxis.label.get_color() for axis in figure.axes[4:]]
    assert colours == [ATTACKED, CLEAN, CLEAN, CLEAN]
    assert "after the attack: 24 dB" in words(figure)


def test_the_threshold_says_both_rates():
    assert "flags 25 % of clean images,\n75 % of attacked" in words(FIGURES["threshold"]())


def test_a_patient_who_is_met_again_is_orange():
    _, right = FIGURES["leak"]().subfigs
    texts = {axis.get_xlabel(): axis.xaxis.label.get_color() for axis in right.axes[4:]}
    assert texts == {"same patient": ATTACKED, "other patient": CLEAN}


@pytest.mark.parametrize("side, sign", [("A", -1), ("B", 1)])
def test_the_change_is_that_of_the_attacked_image(side, sign):
    axis = figures.pair_and_change(np.stack([IMAGE, IMAGE + 2]), side).axes[2]
    np.testing.assert_array_equal(axis.images[0].get_array(), 2 * sign)
