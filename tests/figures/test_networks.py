"""Paired trainings, sizes beside their formula, and scores beside what they have cost."""

import numpy as np
import pandas as pd
import pytest
from figure_samples import HISTORY, check_drawn, words
from small import random_predictions

from utils import figures
from utils.evaluation.intervals import Interval
from utils.figures.elements.style import CLEAN, DEFENDED

SIDES = {
    "control": [random_predictions(seed, skill=0) for seed in range(3)],
    "method": [random_predictions(seed) for seed in range(3)],
}
GROWTH = {"layers": 1.2, "channels": 1.1, "pixels": 1.15}
STEP = {"layers": 1.2, "channels": 1.1, "pixels": 1.15, "weights": 1.2 * 1.1**2}
STEP["multiply-adds"] = STEP["weights"] * 1.15**2
BASE = {"layers": 80, "channels": 500, "pixels": 224, "weights": 4e6, "multiply-adds": 4e8}
SIZES = pd.DataFrame(
    {
        "base": BASE,
        "next": {name: value * STEP[name] for name, value in BASE.items()},
        "other": {**BASE, "weights": 9e6},
    }
).T


def paired(margin=0.05):
    gained = Interval(0.2, 0.1, 0.3)
    return figures.paired_trainings(SIDES, gained, margin, "balanced accuracy")


def scaling():
    return figures.compound_scaling(SIZES, "base", GROWTH, others=["other"])


def costs():
    watched = [{**row, "one_step": 0.4, "attacked": 0.1 * row["epoch"]} for row in HISTORY]
    histories = {"first": HISTORY, "again": watched, "defended": watched[:2]}
    passes = {"first": [2, 4, 6, 8], "again": [2, 4, 6, 8], "defended": [4, 8]}
    return figures.curves_by_cost(histories, passes, (CLEAN, CLEAN, DEFENDED), 1 / 3)


@pytest.mark.parametrize("draw", [paired, scaling, costs])
def test_is_drawn(draw):
    check_drawn(draw())


def test_every_pair_has_a_line_and_its_difference_a_dot():
    left, right = paired().axes
    bars = [line for line in left.lines if line.get_linewidth() == 5]
    lengths = [bar.get_xdata()[1] - bar.get_xdata()[0] for bar in bars]
    (dots,) = [line for line in right.lines if len(line.get_xdata()) == 3]
    assert list(dots.get_xdata()) == pytest.approx(lengths) and len(lengths) == 3


def test_both_sides_the_constant_answer_the_gain_and_its_margin_are_named():
    assert {"control", "method", "constant answer", "margin", "+20"} <= words(paired())


def test_the_margin_is_where_it_was_claimed():
    dotted = [line for line in paired(0.07).axes[1].lines if line.get_linestyle() == ":"]
    assert [set(line.get_xdata()) for line in dotted] == [{0.07}]


def test_a_network_that_follows_the_formula_lies_on_its_lines():
    left, right = scaling().axes
    work = SIZES["multiply-adds"]["next"] / 1e9
    for line, knob in zip(left.lines[::2], GROWTH, strict=False):
        assert height_at(line, work) == pytest.approx(GROWTH[knob])
    assert height_at(right.lines[0], work) == pytest.approx(SIZES["weights"]["next"] / 1e6)


def height_at(line, x):
    """Lines are straight on logarithmic axes."""
    (x0, x1), (y0, y1) = line.get_xdata(), line.get_ydata()
    return y0 * (x / x0) ** (np.log(y1 / y0) / np.log(x1 / x0))


def test_others_are_named_where_weights_are_and_nowhere_else():
    left, right = ({text.get_text() for text in axis.texts} for axis in scaling().axes)
    assert "other" in right and "other" not in left and {"depth", "width", "resolution"} <= left


def test_trainings_stand_at_what_they_have_cost_and_only_attacked_ones_on_the_right():
    loss, left, right = costs().axes
    assert [row["validation_loss"] for row in HISTORY] == list(loss.lines[0].get_ydata())
    named = [[line.get_label() for line in axis.lines] for axis in (left, right)]
    assert {"first", "again", "defended"} <= set(named[0]) and "first" not in named[1]
    (defended,) = [line for line in right.lines if line.get_label() == "defended"]
    assert list(defended.get_xdata()) == [4, 8] and list(defended.get_ydata()) == [0, 0.1]


def test_a_second_training_of_one_recipe_is_dotted():
    styles = {line.get_label(): line.get_linestyle() for line in costs().axes[0].lines}
    assert styles["first"] == "-" and styles["again"] == ":" and styles["defended"] == "-"
