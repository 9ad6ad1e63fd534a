"""Risk and coverage against closed forms and a count by hand."""

from dataclasses import replace

import numpy as np
import pytest
from small import some_predictions

from utils.evaluation.predictions import Predictions
from utils.evaluation.uncertainty.calibration import Temperature
from utils.evaluation.uncertainty.selective import (
    risk_coverage,
    risk_coverage_area,
    selective_accuracy,
)


def with_confidence(confidence, right) -> Predictions:
    """Two classes; the first is predicted."""
    confidence = np.asarray(confidence, float)
    probabilities = np.stack([confidence, 1 - confidence], 1)
    labels = (~np.asarray(right, bool)).astype(int)
    return Predictions(labels, probabilities, np.arange(len(labels)), ("a", "b"))


def ranked(right, rising: bool = False) -> Predictions:
    """One image after the other, from the most confident on, or from the least."""
    confidence = np.linspace(0.95, 0.55, len(right))
    return with_confidence(confidence[::-1] if rising else confidence, right)


def test_the_curve_is_a_count_of_errors_from_the_most_confident_on():
    table = risk_coverage(ranked([1, 1, 0, 1, 0]))
    assert table["coverage"].to_list() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    assert table["risk"].to_list() == pytest.approx([0, 0, 1 / 3, 1 / 4, 2 / 5])


def test_an_oracle_has_the_area_of_the_closed_form():
    wrong, count = 40, 200
    oracle = risk_coverage_area(ranked([1] * (count - wrong) + [0] * wrong))
    exact = sum(k / (count - wrong + k) for k in range(1, wrong + 1)) / count
    assert oracle.value == pytest.approx(exact)
    rate = wrong / count
    assert exact == pytest.approx(rate + (1 - rate) * np.log(1 - rate), rel=0.05)
    reverse = risk_coverage_area(ranked([1] * (count - wrong) + [0] * wrong, rising=True))
    assert oracle.high < rate < reverse.low


def test_without_a_sense_of_its_errors_the_area_is_the_error_rate():
    right = np.arange(300) % 4 > 0
    found = risk_coverage_area(with_confidence(np.full(300, 0.7), right))
    assert found.value == pytest.approx(0.25) and found.low < 0.25 < found.high
    rng = np.random.default_rng(0)
    areas = [risk_coverage_area(ranked(rng.permutation(right))).value for _ in range(30)]
    assert np.mean(areas) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("coverage, expected", [(0.5, 1.0), (0.6, 5 / 6), (0.8, 0.75), (1, 0.7)])
def test_selective_accuracy_is_that_of_the_most_confident_images(coverage, expected):
    right = [1, 1, 1, 1, 1, 0, 1, 0, 0, 1]
    assert selective_accuracy(ranked(right), coverage).value == pytest.approx(expected)


def test_everything_kept_is_plain_accuracy_with_its_interval():
    found = some_predictions()
    whole = selective_accuracy(found, 1)
    assert whole.value == pytest.approx(found.accuracy)
    assert whole.low < found.accuracy < whole.high
    assert risk_coverage(found)["risk"].iloc[-1] == pytest.approx(1 - found.accuracy)


def test_images_of_equal_confidence_are_kept_together():
    found = with_confidence([0.9, 0.9, 0.8, 0.8], [1, 0, 0, 1])
    assert risk_coverage(found)["coverage"].to_list() == [0.5, 1]
    assert selective_accuracy(found, 0.1).value == 0.5


@pytest.mark.parametrize("score", [risk_coverage_area, selective_accuracy])
def test_only_the_order_of_two_confidences_counts(score):
    found = ranked(np.arange(100) % 3 > 0)
    assert score(Temperature(3.0)(found)) == pytest.approx(score(found))


@pytest.mark.parametrize("score", [risk_coverage_area, selective_accuracy])
def test_more_images_of_the_same_patients_do_not_narrow_the_interval(score):
    once = ranked(np.random.default_rng(0).random(100) < np.linspace(1, 0.5, 100))
    many = once.take(np.repeat(np.arange(100), 4))
    assert score(many) == pytest.approx(score(once))
    unaware, aware = score(replace(many, groups=np.arange(400))), score(many)
    assert unaware.high - unaware.low < 0.7 * (aware.high - aware.low)


def test_no_error_in_the_sample_leaves_room_for_one():
    found = selective_accuracy(ranked([1] * 50))
    assert found.value == 1 and found.low == pytest.approx(0.025 ** (1 / 50))


@pytest.mark.parametrize("coverage", [0, -0.1, 1.2])
def test_a_coverage_that_is_no_share_is_refused(coverage):
    with pytest.raises(ValueError, match="share of the images"):
        selective_accuracy(some_predictions(), coverage)
