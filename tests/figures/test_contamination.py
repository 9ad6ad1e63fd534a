"""Contaminated data and hidden images."""

import numpy as np
import pandas as pd
import pytest
from figure_samples import ANSWERS, BY_SEED, HEAT, PIXELS, SPLIT, SUITE, check_drawn, words
from small import NAMES

from utils import figures
from utils.evaluation.conditions import CLEAN as CLEAN_IMAGES
from utils.evaluation.metrics import score_of

REACH = [
    pd.DataFrame(rows, ["nearest", "area"], [2, 4])
    for rows in ([[20.4, 30.0], [13.0, 13.0]], [[False, False], [False, True]])
]
RATES = {rate: score_of(ANSWERS[CLEAN_IMAGES]) for rate in (0.4, 0.0)}
GAN = [
    {"epoch": e, "real_recognised": 0.6, "fakes_recognised": 0.7, "diversity": 0.5 + 0.1 * e}
    for e in range(3)
]
FIGURES = {
    "ablation": lambda: figures.ablation(BY_SEED),
    "gallery": lambda: figures.gallery({"a_b": SPLIT.images[:2]}, ["x", "y"]),
    "accuracy_by_rate": lambda: figures.accuracy_by_rate({"fakes": RATES}, "fakes (%)", 0.3),
    "footprints": lambda: figures.footprints({name: HEAT[0] - 0.2 for name in NAMES}),
    "gan_training": lambda: figures.gan_training(GAN, (1, 3)),
    "hidden_images": lambda: figures.hidden_images({"a dot": 3 * (255 * PIXELS[0],)}, zoom=4),
    "vulnerability_map": lambda: figures.vulnerability_map(*REACH),
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


def test_a_target_that_was_missed_gets_a_cross_and_no_number():
    shown = [text.get_text() for text in FIGURES["vulnerability_map"]().axes[0].texts]
    assert sorted(shown) == ["13", "20", "30", "×"]


def test_what_changed_most_is_enlarged():
    before = np.zeros((1, 40, 40))
    after = before.copy()
    after[0, 30:34, 10:14] = 200
    part = figures.hidden_images({"spot": (before, after, after)}, zoom=8).axes[2].images[0]
    assert (part.get_array() == 200).sum() == 16


def test_the_large_images_are_not_shown_as_the_pipeline_reads_them():
    axes = FIGURES["hidden_images"]().axes
    ways = [axis.images[0].get_interpolation() for axis in axes]
    assert ways == ["hanning", "hanning", "none", "none"]
