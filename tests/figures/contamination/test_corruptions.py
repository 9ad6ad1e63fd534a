"""The contamination matrix, wrong labels, triggers."""

import numpy as np
import pandas as pd
import pytest
from figure_samples import check_drawn, words

from utils import figures
from utils.evaluation.intervals import Interval

TABLE = pd.DataFrame({"clean": [0.8, 0.7], 1: [0.6, 0.5]}, index=["Gaussian", "Blur"])
LINE = {severity: Interval(0.9 - 0.1 * severity, 0.2, 1.0) for severity in (0, 3, 1)}
RATES = {0.4: [0.5, 0.6], 0.0: [0.8, 0.9]}
FOUND = {"a_patch": Interval(0.9, 0.8, 1.0), "stripes": Interval(0.5, 0.4, 0.6)}
BY_RATE = pd.DataFrame({0.005: [0.2, 0.1], 0.1: [0.9, 0.8]}, index=["patch", "a_warp"])
FIGURES = {
    "contamination_matrix": lambda: figures.contamination_matrix(
        {"a": TABLE, "b": TABLE}, 0.3, {"Blur"}
    ),
    "score_by_severity": lambda: figures.score_by_severity({"file": LINE, "later": LINE}, "x", 0.3),
    "wrong_labels": lambda: figures.wrong_labels({"slips": RATES}, {"slips": RATES}, "x", 0.3),
    "triggers": lambda: figures.triggers(FOUND, FOUND, FOUND),
    "shares_by_rate": lambda: figures.shares_by_rate({"obeyed": BY_RATE, "found": 1 - BY_RATE}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_a_matrix_of_contamination_is_in_percent_from_chance_upwards():
    left, right, _ = FIGURES["contamination_matrix"]().axes
    assert [text.get_text() for text in right.texts] == ["80", "60", "70", "50"]
    assert left.collections[0].get_clim() == (30, 100)
    assert [label.get_text() for label in left.get_yticklabels()] == ["Gaussian", "Blur"]


def test_only_marked_rows_of_the_matrix_are_bold():
    labels = FIGURES["contamination_matrix"]().axes[0].get_yticklabels()
    assert [label.get_fontweight() for label in labels] == ["normal", "bold"]


def test_severities_are_in_order_whatever_their_order_was():
    lines = FIGURES["score_by_severity"]().axes[0].lines
    assert np.round(lines[0].get_xdata()).tolist() == [0, 1, 3]
    assert lines[0].get_ydata().tolist() == pytest.approx([0.9, 0.8, 0.6])


def test_a_line_of_wrong_labels_is_the_mean_of_its_trainings():
    figure = FIGURES["wrong_labels"]()
    line, *dots = figure.axes[0].lines
    assert line.get_ydata().tolist() == pytest.approx([0.85, 0.55])
    assert sorted(dots[0].get_ydata()) == [0.8, 0.9]
    assert {"too sure by (points)", "constant answer", "slips"} <= words(figure)


def test_bars_are_as_long_as_the_trigger_works():
    axis = FIGURES["triggers"]().axes[0]
    assert [bar.get_width() for bar in axis.patches] == pytest.approx([0.9, 0.5] * 2)
    assert {"with the trigger", "without it", "accuracy, clean images", "a patch"} <= words(
        FIGURES["triggers"]()
    )


def test_shares_by_rate_are_in_percent_with_the_rows_named_once():
    left, right, _ = FIGURES["shares_by_rate"]().axes
    assert [text.get_text() for text in left.texts] == ["20", "90", "10", "80"]
    assert [text.get_text() for text in right.texts] == ["80", "10", "90", "20"]
    assert [each.get_text() for each in left.get_xticklabels()] == ["0.5", "10"]
    assert [each.get_text() for each in left.get_yticklabels()] == ["patch", "a warp"]
