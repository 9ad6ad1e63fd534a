"""Thresholds keep the promise of their false alarms."""

import numpy as np
import pytest

from utils.detection.thresholds import excess_flagged, false_alarms, precision_at, threshold_at
from utils.evaluation.intervals import mean_of


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.05, 0.5])
@pytest.mark.parametrize("scores", [np.arange(200.0), np.arange(200) // 50, np.zeros(200)])
def test_at_most_the_rate_is_flagged_and_no_lower_threshold_would_do(rate, scores):
    threshold = threshold_at(rate, scores)
    assert (scores > threshold).mean() <= rate
    below = scores[scores < threshold]
    assert not len(below) or (scores > below.max()).mean() > rate


@pytest.mark.parametrize(("rate", "scores"), [(1.0, [1.0]), (-0.1, [1.0]), (0.1, [])])
def test_an_impossible_rate_is_refused(rate, scores):
    with pytest.raises(ValueError, match="rate from 0 to below 1"):
        threshold_at(rate, scores)


def test_false_alarms_are_counted_in_a_thousand():
    found = false_alarms(np.arange(500), 489, np.arange(500))
    assert found.value == pytest.approx(20) and 5 < found.low < 20 < found.high < 40
    assert false_alarms(np.arange(500), 499, np.arange(500)).high > 0  # none seen is not none


def test_the_excess_is_the_true_minus_the_false_positive_rate():
    rng = np.random.default_rng(0)
    contaminated = rng.random(2000) < 0.3
    flagged = rng.random(2000) < np.where(contaminated, 0.7, 0.1)
    found = excess_flagged(flagged, contaminated, np.arange(2000))
    rates = [
        mean_of(flagged[side], np.arange(side.sum())) for side in (contaminated, ~contaminated)
    ]
    assert found.value == pytest.approx(rates[0].value - rates[1].value)
    widths = [each.high - each.low for each in (found, *rates)]
    assert widths[0] == pytest.approx(np.hypot(*widths[1:]), rel=0.15)


@pytest.mark.parametrize(("share", "precision"), [(0.5, 0.9), (0.01, 1 / 12), (0.0, 0.0)])
def test_the_same_detector_is_precise_or_not_by_what_is_there_to_find(share, precision):
    assert precision_at(share, 0.9, 0.1) == pytest.approx(precision)
