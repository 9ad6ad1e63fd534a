"""A gain is drawn where it was measured: its mean, its interval, its single pairs, its colour."""

import numpy as np
import pytest
from figure_samples import check_drawn, words
from small import random_predictions

from utils import figures
from utils.evaluation.comparisons.differences import difference, gain
from utils.evaluation.predictions import pool_trainings
from utils.evaluation.resampling import Difference
from utils.figures.elements.style import ATTACKED, CHANCE, CONTROL, DEFENDED

WEAK, STRONG = (
    pool_trainings([random_predictions(seed, skill) for seed in range(3)]) for skill in (0.5, 6.0)
)
ROWS = {
    "gain": difference(WEAK, STRONG, "accuracy"),
    "loss": difference(STRONG, WEAK, "accuracy"),
    "same": difference(WEAK, WEAK, "accuracy"),
    "control": difference(WEAK, STRONG, "accuracy"),
}


def drawn(**options) -> list:
    figure = figures.paired_gains(ROWS, "accuracy", **options)
    check_drawn(figure)
    return figure.axes[0].lines


def test_means_intervals_and_pairs_are_those_that_were_measured():
    lines = drawn()
    for place, (row, found) in enumerate(ROWS.items()):
        pale, interval, mean = lines[3 * place : 3 * place + 3]
        assert set(pale.get_ydata()) == set(mean.get_ydata()) == {place}, row
        assert [*mean.get_xdata(), *interval.get_xdata()] == pytest.approx([*found.interval])
        assert pale.get_xdata() == pytest.approx(found.draws[:, 0])
    pairs = zip(WEAK.by_training, STRONG.by_training, strict=True)
    assert lines[0].get_xdata() == pytest.approx([s.accuracy - w.accuracy for w, s in pairs])
    assert lines[2].get_xdata()[0] == gain(WEAK, STRONG, "accuracy").value


def test_the_colour_is_that_of_the_outcome_and_controls_are_grey():
    colours = [line.get_color() for line in drawn(controls={"control"})[2:12:3]]
    assert colours == [DEFENDED, ATTACKED, CONTROL, CONTROL]
    assert drawn()[11].get_color() == DEFENDED


def test_a_margin_is_dotted_and_zero_is_black():
    *_, zero, margin = drawn(margin=0.05)
    assert set(zero.get_xdata()) == {0} and zero.get_color() == "black"
    assert set(margin.get_xdata()) == {0.05} and margin.get_color() == CHANCE


def test_numbers_are_in_points():
    open_end = Difference(np.full((1, 4), 0.125), of_methods=True)  # a method, trained once
    figure = figures.paired_gains({"a_method": open_end}, "accuracy")
    assert {"+12.5", "a method", "gain in accuracy (points)"} <= words(figure)
