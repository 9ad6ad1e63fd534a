"""Selective prediction: leave the least confident images to a person, and score the others.

Coverage is the share of images that the model keeps, risk the share of errors among them. Images
of equal confidence are kept together.
"""

import numpy as np
import pandas as pd

from utils.evaluation.intervals import Interval, resamples, with_exact_bound
from utils.evaluation.predictions import Predictions
from utils.evaluation.roc import positives_and_negatives

COVERAGE = 0.8


def risk_coverage(predictions: Predictions) -> pd.DataFrame:
    """The risk at each coverage, from the most confident image to all of them."""
    kept, wrong = _kept_and_wrong(predictions, np.ones((1, len(predictions.labels))))
    return pd.DataFrame({"coverage": kept[0] / kept[0, -1], "risk": wrong[0] / kept[0]})


def risk_coverage_area(predictions: Predictions, seed: int = 0) -> Interval:
    """The mean risk over all coverages (Geifman 2018).

    Without any sense of its errors a model has its error rate here; with a perfect one, and error
    rate e, about e + (1 - e) log(1 - e).
    """
    kept, wrong = _kept_and_wrong(predictions, _weights(predictions, seed))
    added = np.diff(kept, prepend=0)
    draws = (added * _share(wrong, kept)).sum(1) / kept[:, -1]
    return with_exact_bound(draws[0], draws[1:], len(np.unique(predictions.groups)))


def selective_accuracy(
    predictions: Predictions, coverage: float = COVERAGE, seed: int = 0
) -> Interval:
    """The accuracy on the most confident images: this share of all, or the next larger one."""
    if not 0 < coverage <= 1:
        raise ValueError(f"coverage is a share of the images, above 0 and up to 1; got {coverage}")
    kept, wrong = _kept_and_wrong(predictions, _weights(predictions, seed))
    enough = (kept >= coverage * kept[:, -1:] - 1e-9).argmax(1)[:, None]
    risks = np.take_along_axis(_share(wrong, kept), enough, 1)[:, 0]
    return with_exact_bound(1 - risks[0], 1 - risks[1:], len(np.unique(predictions.groups)))


def _kept_and_wrong(predictions: Predictions, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many images each threshold keeps, from the highest on, and how many of them are wrong."""
    confidence, wrong = predictions.probabilities.max(1), ~predictions.right
    errors, hits = positives_and_negatives(-confidence, wrong, weights)
    return np.cumsum(errors + hits, 1), np.cumsum(errors, 1)


def _weights(predictions: Predictions, seed: int) -> np.ndarray:
    """Every image once, then how often each one is drawn with its patient."""
    names, patient = np.unique(predictions.groups, return_inverse=True)
    return np.vstack([np.ones(len(patient)), resamples(len(names), seed)[:, patient]])


def _share(wrong: np.ndarray, kept: np.ndarray) -> np.ndarray:
    return np.divide(wrong, kept, out=np.zeros_like(wrong), where=kept > 0)
