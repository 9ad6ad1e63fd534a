"""Shares in percent, where their row and column say."""

import numpy as np
import pytest
from figure_samples import ANSWERS, check_drawn

from utils import figures

FIGURES = {
    "targets_reached": lambda: figures.targets_reached(
        {"standard": np.full((3, 3), 0.25), "adversarial": np.zeros((3, 3))}, "abc"
    ),
    "findings_wrong": lambda: figures.findings_wrong(
        {"clean": np.zeros(3), "all findings": np.array([0.5, 1, 0.25])}, ("mass", "a", "b")
    ),
    "transfer": lambda: figures.transfer({"a": ANSWERS, "b": ANSWERS}, ANSWERS),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_targets_are_in_percent_and_the_diagonal_is_empty():
    axis = FIGURES["targets_reached"]().axes[0]
    assert [text.get_text() for text in axis.texts] == ["25"] * 6


def test_wrong_findings_are_in_percent_row_by_row():
    axis = FIGURES["findings_wrong"]().axes[0]
    assert [text.get_text() for text in axis.texts] == ["0"] * 3 + ["50", "100", "25"]


def test_a_transfer_matrix_has_the_clean_images_first_in_percent():
    axis = FIGURES["transfer"]().axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["(clean)", "a", "b"]
    shown = [text.get_text() for text in axis.texts]
    assert shown == [f"{100 * each.accuracy:.0f}" for each in ANSWERS.values()] * 3
