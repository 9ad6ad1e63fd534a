"""Data sets and leaks."""

import pandas as pd
import pytest
from figure_samples import FOUND, SPLIT, check_drawn, words
from small import NAMES, small_splits

from utils import figures
from utils.figures.elements.style import ATTACKED, CLEAN

SCORES = pd.DataFrame(
    {"value": [0.5, 0.9], "low": [0.4, 0.8], "high": [0.6, 1.0]}, index=["network", "look-up"]
)
FIGURES = {
    "examples": lambda: figures.examples(SPLIT),
    "class_balance": lambda: figures.class_balance(small_splits()),
    "patches": lambda: figures.patches(SPLIT.images[0], 4),
    "nearest_neighbours": lambda: figures.nearest_neighbours(
        SPLIT.images[:4], SPLIT.images[4:8], list("abcd"), "title"
    ),
    "neighbour_distances": lambda: figures.neighbour_distances([0.8, 0.9], [0.1, 0.2], 0.5),
    "scores_and_chance": lambda: figures.scores_and_chance(
        {"one": SCORES, "two": SCORES}, {"one": 0.4, "two": 0.3}, "accuracy"
    ),
    "recovery": lambda: figures.recovery(FOUND[0], 0.5, FOUND[0] - 0.3, FOUND[1]),
    "recovery without the truth": lambda: figures.recovery(FOUND[0], 0.5, FOUND[0] - 0.3),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_examples_are_of_their_class_and_of_different_patients():
    axes = figures.examples(SPLIT, each=20).axes
    assert [axis.get_ylabel() for axis in axes[::20]] == list(NAMES)
    assert [bool(axis.images) for axis in axes[:20]] == [True] * 10 + [False] * 10
    assert (axes[0].images[0].get_array() == SPLIT.images[0, 0].numpy()).all()


def test_bars_say_their_counts_and_their_share_in_percent():
    figure = FIGURES["class_balance"]()
    assert {"16", "train", "validation", "test", "share of the split (%)"} <= words(figure)
    assert figure.axes[0].patches[0].get_height() == pytest.approx(1 / 3)


def test_neighbours_stand_below_each_other():
    axes = FIGURES["nearest_neighbours"]().axes
    assert [axes[0].get_ylabel(), axes[4].get_ylabel()] == ["test", "nearest\ntraining"]
    assert [axis.get_xlabel() for axis in axes] == ["", "", "", "", "a", "b", "c", "d"]


def test_only_intervals_above_chance_are_orange():
    left, right = FIGURES["scores_and_chance"]().axes
    dots = [[line.get_color() for line in axis.lines[1:4:2]] for axis in (left, right)]
    assert dots == [[CLEAN, ATTACKED], [ATTACKED, ATTACKED]]
    assert left.get_xlabel() == "accuracy (%)"


def test_recovered_patients_are_split_by_the_truth_where_it_is_known():
    assert {"whole", "split or merged", "limit 0.50"} <= words(FIGURES["recovery"]())
    assert "patients" in words(FIGURES["recovery without the truth"]())
