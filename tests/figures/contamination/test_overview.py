"""Contaminated data and hidden images."""

import numpy as np
import pytest
from figure_samples import ANSWERS, BY_SEED, SPLIT, SUITE, check_drawn, words

from utils import figures
from utils.evaluation.conditions import CLEAN as CLEAN_IMAGES
from utils.evaluation.metrics import score_of

RATES = {rate: score_of(ANSWERS[CLEAN_IMAGES]) for rate in (0.4, 0.0)}
FIGURES = {
    "ablation": lambda: figures.ablation(BY_SEED),
    "gallery": lambda: figures.gallery({"a_b": SPLIT.images[:2]}, ["x", "y"]),
    "accuracy_by_rate": lambda: figures.accuracy_by_rate({"fakes": RATES}, "fakes (%)", 0.3),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_trainings_stand_beside_their_mean():
    figure = FIGURES["ablation"]()
    assert {"clean", "noise", "constant answer", "macro precision", "other"} <= words(figure)
    axis = figure.axes[0]
    dots = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "o"]
    both = [ANSWERS[CLEAN_IMAGES].accuracy, ANSWERS[SUITE.strongest].accuracy]
    assert dots == pytest.approx(both * 2)
    assert sum(len(line.get_xdata()) for line in axis.lines if line.get_marker() == "|") == 12
    share = np.bincount(SPLIT.labels).max() / len(SPLIT)
    assert axis.lines[-1].get_xdata()[0] == pytest.approx(share)


def test_rates_are_in_order_and_in_percent():
    line = FIGURES["accuracy_by_rate"]().axes[0].lines[0]
    assert line.get_xdata().tolist() == [0, 40]
