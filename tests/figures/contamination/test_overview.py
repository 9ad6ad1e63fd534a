"""Contaminated data and hidden images."""

import pytest
from figure_samples import ANSWERS, SPLIT, check_drawn

from utils import figures
from utils.evaluation.conditions import CLEAN as CLEAN_IMAGES
from utils.evaluation.metrics import score_of

RATES = {rate: score_of(ANSWERS[CLEAN_IMAGES]) for rate in (0.4, 0.0)}
FIGURES = {
    "gallery": lambda: figures.gallery({"a_b": SPLIT.images[:2]}, ["x", "y"]),
    "accuracy_by_rate": lambda: figures.accuracy_by_rate({"fakes": RATES}, "fakes (%)", 0.3),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_rates_are_in_order_and_in_percent():
    line = FIGURES["accuracy_by_rate"]().axes[0].lines[0]
    assert line.get_xdata().tolist() == [0, 40]
