"""Calibration against simulated truth, scikit-learn and a sum over all pairs of patients."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from small import some_predictions

from utils.evaluation.predictions import Predictions
from utils.evaluation.uncertainty import calibration
from utils.evaluation.uncertainty.calibration import (
    Temperature,
    calibration_difference,
    calibration_error,
    fit_temperature,
    reliability,
)


def honest(count: int = 600, classes: int = 4, seed: int = 0, per_group: int = 1) -> Predictions:
    """Labels drawn from the predicted probabilities: a perfectly calibrated model."""
    rng = np.random.default_rng(seed)
    probabilities = softmax(rng.normal(0, 2, (count, classes)), axis=1)
    labels = (probabilities.cumsum(1) > rng.random((count, 1))).argmax(1)
    names = tuple("abcdefgh"[:classes])
    return Predictions(labels, probabilities, np.arange(count) // per_group, names)


def boastful(gap: float, count: int = 600, seed: int = 0) -> Predictions:
    """Two classes; every confidence lies above the accuracy by this gap."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.65, 0.95, count)
    right = rng.random(count) < confidence - gap
    probabilities = np.stack([confidence, 1 - confidence], 1)
    return Predictions((~right).astype(int), probabilities, np.arange(count), ("a", "b"))


def squared(predictions: Predictions, bins: int = calibration.BINS) -> np.ndarray:
    return calibration._squared_gaps(predictions, bins, 0)


@pytest.mark.parametrize("error", [0.0, 0.1, 0.3])
def test_the_interval_contains_the_true_error(error):
    simulated = [boastful(error, seed=seed) for seed in range(40)]
    found = [calibration_error(each) for each in simulated]
    assert sum(each.low <= error <= each.high for each in found) >= 36
    assert all(each.low <= each.value <= each.high for each in found)


def test_a_calibrated_model_has_no_error_on_average_although_a_plain_mean_finds_one():
    simulated = [honest(seed=seed) for seed in range(60)]
    unbiased = np.array([squared(each)[0] for each in simulated])
    assert abs(unbiased.mean()) < 2 * unbiased.std() / 60**0.5
    table = reliability(simulated[0])
    plain = ((table["confidence"] - table["value"]) ** 2).mean()
    assert plain > 5 * abs(unbiased.mean())
    assert sum(calibration_error(each).low == 0 for each in simulated) >= 57


def test_is_the_mean_product_of_two_different_patients():
    found = some_predictions(count=60, per_group=2)
    confidence = found.probabilities.max(1)
    gap, total = confidence - found.right, 0.0
    for chosen in np.array_split(np.argsort(confidence, kind="stable"), 4):
        apart = found.groups[chosen][:, None] != found.groups[chosen]
        total += (np.outer(gap[chosen], gap[chosen]) * apart).sum() / apart.sum() / 4
    assert squared(found, bins=4)[0] == pytest.approx(total)


def test_more_images_of_the_same_patients_do_not_narrow_the_interval():
    once = honest(300)
    many = once.take(np.repeat(np.arange(300), 3))
    assert calibration_error(many) == pytest.approx(calibration_error(once))
    unaware = squared(replace(many, groups=np.arange(900)))
    assert unaware[1:].std() < 0.8 * squared(many)[1:].std()


def test_bins_are_those_of_scikit_learn():
    found = honest(300)
    right, confidence = calibration_curve(
        found.right, found.probabilities.max(1), n_bins=15, strategy="quantile"
    )
    table = reliability(found)
    assert np.allclose(table[["confidence", "value"]], np.stack([confidence, right], 1))
    assert (table["images"] == 20).all() and table["confidence"].is_monotonic_increasing
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()


def test_fewer_images_than_bins_get_a_bin_each():
    assert reliability(honest(7))["images"].to_list() == [1] * 7


@pytest.mark.parametrize("factor", [0.4, 1.0, 2.5])
def test_the_temperature_takes_back_by_what_the_logits_were_multiplied(factor):
    plain = honest(2000)
    scaled = Temperature(1 / factor)(plain)
    assert fit_temperature(plain).value == pytest.approx(1, abs=0.1)
    assert fit_temperature(scaled).value == pytest.approx(
        factor * fit_temperature(plain).value, rel=1e-4
    )


def test_the_temperature_is_that_of_a_logistic_regression_of_the_logit():
    found = boastful(0.2)
    logit = np.log(found.probabilities[:, 1] / found.probabilities[:, 0])[:, None]
    witness = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8)
    slope = witness.fit(logit, found.labels).coef_[0, 0]
    assert fit_temperature(found).value == pytest.approx(1 / slope, rel=1e-3)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_no_temperature_changes_a_prediction_and_one_changes_nothing(temperature):
    found = some_predictions()
    scaled = Temperature(temperature)(found)
    assert np.array_equal(scaled.probabilities.argmax(1), found.probabilities.argmax(1))
    assert np.allclose(scaled.probabilities.sum(1), 1)
    confidence = scaled.probabilities.max(1) - found.probabilities.max(1)
    assert (np.sign(confidence.round(12)) == np.sign(1 - temperature)).all()


def test_a_probability_of_zero_is_survived():
    certain = Predictions(np.array([0, 1]), np.eye(2), np.arange(2), ("a", "b"))
    assert np.isfinite(fit_temperature(certain)(certain).probabilities).all()


def test_a_temperature_mends_an_overconfident_model():
    boasting = Temperature(0.4)(honest(2000))
    mended = fit_temperature(Temperature(0.4)(honest(2000, seed=1)))(boasting)
    lost = calibration_difference(boasting, mended)
    assert 0 < lost.low < lost.value < lost.high
    errors = calibration_error(boasting).value, calibration_error(mended).value
    assert lost.value == pytest.approx(errors[0] - errors[1])


def test_other_patients_are_not_compared():
    first = honest(30)
    with pytest.raises(ValueError, match="the same images"):
        calibration_difference(first, first.take(np.arange(29, -1, -1)))
