"""Calibration: of the predictions with 80 % confidence, are 80 % right?

Confidence is the probability of the predicted class. Images are compared in bins of equal mass.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from utils.evaluation.intervals import Interval, around, mean_of, quantiles, resamples
from utils.evaluation.predictions import Predictions

BINS = 15
RANGE = (0.05, 20)  # of temperatures; a model without errors would sink below any
TINY = np.finfo(np.float32).tiny  # a probability that has been rounded to zero


@dataclass(frozen=True)
class Temperature:
    """Divides the logits of a model by one number; no predicted class changes (Guo 2017).

    Above 1 it lowers every confidence, below 1 it raises them.
    """

    value: float

    def __call__(self, predictions: Predictions) -> Predictions:
        scaled = softmax(_logits(predictions) / self.value, axis=1)
        return replace(predictions, probabilities=scaled)


def fit_temperature(validation: Predictions) -> Temperature:
    """The temperature at which these predictions have the smallest cross-entropy."""
    logits, rows = _logits(validation), np.arange(len(validation.labels))

    def cross_entropy(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -scaled[rows, validation.labels].mean()

    found = minimize_scalar(
        cross_entropy, bounds=np.log(RANGE), method="bounded", options={"xatol": 1e-7}
    )
    return Temperature(float(np.exp(found.x)))


def reliability(predictions: Predictions, bins: int = BINS) -> pd.DataFrame:
    """Mean confidence and accuracy of each bin, the accuracy with its interval over patients."""
    confidence, rows = predictions.probabilities.max(1), []
    for chosen in _bins(confidence, bins):
        accuracy = mean_of(predictions.right[chosen], predictions.groups[chosen])
        mean = {"confidence": confidence[chosen].mean(), "images": len(chosen)}
        rows.append({**mean, **accuracy._asdict()})
    return pd.DataFrame(rows)


def calibration_error(predictions: Predictions, bins: int = BINS, seed: int = 0) -> Interval:
    """The root mean square gap between confidence and accuracy, debiased (Kumar 2019).

    In a finite sample, accuracy differs from confidence even where the model is calibrated. A
    plain mean of squared gaps takes that for error; the mean product of two *different* patients
    of a bin does not. An error that sampling alone can explain has an interval from 0.
    """
    draws = _root(_squared_gaps(predictions, bins, seed))
    return Interval(float(draws[0]), *quantiles(draws[1:]))


def calibration_difference(
    first: Predictions, second: Predictions, bins: int = BINS, seed: int = 0
) -> Interval:
    """The calibration error of the first minus that of the second; one resample moves both."""
    if not np.array_equal(first.groups, second.groups):
        raise ValueError("only predictions for the same images in the same order can be compared")
    draws = _root(_squared_gaps(first, bins, seed)) - _root(_squared_gaps(second, bins, seed))
    return around(draws[0], draws[1:])


def _squared_gaps(predictions: Predictions, bins: int, seed: int) -> np.ndarray:
    """The mean squared gap, debiased; then what its error could have made of it, in resamples.

    In a resample the truth is the plain estimate of the whole sample, biased as that is. So the
    resamples tell how far an estimate lies from the truth, and that distance is taken off ours
    (the basic bootstrap). Bins stay those of the whole sample.
    """
    names, patient = np.unique(predictions.groups, return_inverse=True)
    confidence = predictions.probabilities.max(1).astype(float)
    excess, images = np.zeros((2, len(names), min(bins, len(confidence))))
    for number, chosen in enumerate(_bins(confidence, bins)):
        gap = confidence[chosen] - predictions.right[chosen]
        excess[:, number] = np.bincount(patient[chosen], gap, len(names))
        images[:, number] = np.bincount(patient[chosen], minlength=len(names))
    once, drawn = np.ones((1, len(names))), resamples(len(names), seed)
    found = _between_patients(once, excess, images)
    plain = ((excess.sum(0) / images.sum(0)) ** 2 * images.sum(0)).sum() / images.sum()
    return np.append(found, found + plain - _between_patients(drawn, excess, images))


def _between_patients(weights: np.ndarray, excess: np.ndarray, images: np.ndarray) -> np.ndarray:
    """For each row of weights: the product of the gaps of two patients, averaged over all pairs
    of a bin, then over the bins by their images."""
    products = (weights @ excess) ** 2 - weights @ excess**2
    pairs = (weights @ images) ** 2 - weights @ images**2
    squared = np.divide(products, pairs, out=np.zeros_like(products), where=pairs > 0)
    mass = weights @ images
    return (squared * mass).sum(1) / mass.sum(1)


def _bins(confidence: np.ndarray, bins: int) -> list[np.ndarray]:
    """The images from the least to the most confident, in bins of equally many."""
    order = np.argsort(confidence, kind="stable")
    return np.array_split(order, min(bins, len(order)))


def _logits(predictions: Predictions) -> np.ndarray:
    """Logits up to a constant per image, which no softmax sees."""
    return np.log(np.maximum(predictions.probabilities.astype(float), TINY))


def _root(squared: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(squared, 0))
