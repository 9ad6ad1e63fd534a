"""A threshold flags what lies above it; a careful attacker is harder to detect."""

import numpy as np
import pytest
from figure_samples import check_drawn, words
from small import soft_pictures, split_of

from utils.course.playground.detector_threshold import BRUSHES, DetectorThreshold

FOUR = DetectorThreshold(np.array([1.0, 2.0, 3.0, 4.0]), {"careless": np.array([3.0, 5.0])})
RATES = {0.5: (1, 1), 1: (0.75, 1), 3: (0.25, 0.5), 4.5: (0, 0.5), 5: (0, 0)}


@pytest.fixture(scope="module")
def scored():
    return DetectorThreshold.of(split_of(soft_pictures(8, 60)), ratio=6)


@pytest.mark.parametrize("threshold", RATES)
def test_both_rates_follow_the_threshold(threshold):
    assert FOUR.rates(threshold, "careless") == RATES[threshold]
    figure = FOUR.figure(threshold, "careless")
    check_drawn(figure)
    false, true = (f"{100 * rate:.0f} %" for rate in RATES[threshold])
    assert f"flags {false} of clean images,\n{true} of attacked" in words(figure)


def test_the_slider_spans_all_scores_and_can_start_between_both_sides():
    assert FOUR.range == (1, 5)
    assert FOUR.middle("careless") == pytest.approx((2.5 + 4) / 2)


def test_every_attacker_attacks_the_same_images(scored):
    assert list(scored.attacked) == list(BRUSHES)
    assert {len(scores) for scores in scored.attacked.values()} == {len(scored.clean)} == {8}


def test_a_score_is_in_grey_levels(scored):
    """Dots on every sixth row and column change an image by a few grey levels on average."""
    assert 10 < np.median(scored.attacked["careless"]) < 80


def test_a_careful_attacker_scores_lower(scored):
    medians = [np.median(scores) for scores in scored.attacked.values()]
    assert medians == sorted(medians, reverse=True)
    assert np.median(scored.clean) < medians[-1] < medians[0]
