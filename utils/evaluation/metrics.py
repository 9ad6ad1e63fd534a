"""Scores with intervals, from predictions alone: no model, no images."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from utils.evaluation.findings.scores import FINDING_SCORES, finding_draws
from utils.evaluation.intervals import Interval, interval_table, resamples, with_exact_bound
from utils.evaluation.predictions import FindingPredictions, Predictions
from utils.evaluation.resampling import over_trainings, resampled_confusions
from utils.evaluation.roc import auroc, weights_of_images

# Scores: each takes confusion matrices (..., classes, classes), so 2,000 resamples cost one call.


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """Share of images on the diagonal."""
    return _diagonal(confusion).sum(-1) / confusion.sum((-2, -1))


def balanced_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Mean recall of the classes that have images."""
    return np.nanmean(ratio(_diagonal(confusion), confusion.sum(-1), empty=np.nan), -1)


def macro_precision(confusion: np.ndarray) -> np.ndarray:
    """Mean over the classes; a class that is never predicted counts 0."""
    return _over_present(ratio(_diagonal(confusion), confusion.sum(-2)), confusion)


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Mean over the classes; a class that is never predicted counts 0."""
    both = confusion.sum(-1) + confusion.sum(-2)
    return _over_present(ratio(2 * _diagonal(confusion), both), confusion)


def missed_disease(confusion: np.ndarray) -> np.ndarray:
    """The share of images with a finding that are predicted normal, the first class."""
    diseased = confusion[..., 1:, :]
    return ratio(diseased[..., 0].sum(-1), diseased.sum((-2, -1)), empty=np.nan)


def auc(predictions: Predictions, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean one-against-rest area over the classes with images, of the split and its resamples."""
    _, member = np.unique(predictions.groups, return_inverse=True)
    per_image = weights_of_images(member, weights)
    areas = [auroc(*each, per_image) for each in predictions.one_against_rest()]
    if len(areas) < 2:
        return np.nan, np.full(len(weights), np.nan)
    mean = np.nanmean(areas, 0)
    return float(mean[0]), mean[1:]


class Score(Protocol):
    """(..., classes, classes) -> (...): a number for each confusion matrix."""

    def __call__(self, confusion: np.ndarray, /) -> np.ndarray: ...


SCORES: dict[str, Score] = {
    "accuracy": accuracy,
    "balanced accuracy": balanced_accuracy,
    "macro F1": macro_f1,
    "macro precision": macro_precision,
}
EVERY_CLASS_THE_SAME = ("balanced accuracy", "macro F1", "macro precision")
RATES: dict[str, Score] = {"missed disease": missed_disease}  # less is better
AREAS: dict[str, Callable[[Predictions, np.ndarray], tuple[float, np.ndarray]]] = {
    "AUC": auc  # of probabilities and weights of the patients, in place of confusion matrices
}
HEADLINE = "balanced accuracy"  # of which a constant answer has one share in as many as classes


def scores(predictions: Predictions, seed: int = 0) -> pd.DataFrame:
    """Every score with its 95 % interval over patients, and over trainings where there are several;
    AUC where it is defined."""
    patients = len(np.unique(predictions.groups))
    known = FINDING_SCORES if isinstance(predictions, FindingPredictions) else SCORES
    found = {name: draws_of([predictions], name, seed)[0] for name in (*known, *AREAS)}
    return interval_table({name: _interval(draws, patients) for name, draws in found.items()})


def score_of(predictions: Predictions, name: str = "accuracy", seed: int = 0) -> Interval:
    """One score or rate with its interval, as in `scores` but quicker."""
    (draws,) = draws_of([predictions], name, seed)
    return _interval(draws, len(np.unique(predictions.groups)))


def draws_of(
    sides: Sequence[Predictions], name: str, seed: int = 0, by_class: bool | None = None
) -> list[np.ndarray]:
    """A score of each side, as it is and in each resample of patients: (trainings, 1 + DRAWS).

    The same resamples for all sides, by class for the scores in which every class counts the same.
    """
    if isinstance(sides[0], FindingPredictions) and name not in AREAS:
        return finding_draws(sides, name, seed)
    if name not in (known := [*SCORES, *RATES, *AREAS]):
        raise ValueError(f"unknown score {name!r}; choose from {', '.join(known)}")
    trainings = [side.by_training for side in sides]
    if name in AREAS:
        weights = resamples(len(np.unique(sides[0].groups)), seed)
        return [np.stack([np.append(*AREAS[name](p, weights)) for p in each]) for each in trainings]
    by_class = name in EVERY_CLASS_THE_SAME if by_class is None else by_class
    score = (SCORES | RATES)[name]
    return [score(resampled_confusions(each, seed, by_class)) for each in trainings]


def ratio(above, below, empty: float = 0.0) -> np.ndarray:
    """One number over the other, and `empty` where the other is 0."""
    return np.divide(above, below, out=np.full(np.shape(below), empty), where=below != 0)


def majority_share(labels: np.ndarray) -> float:
    """Accuracy of always predicting the commonest label, or set of findings: the chance line."""
    return float(np.unique(labels, axis=0, return_counts=True)[1].max() / len(labels))


def _interval(draws: np.ndarray, patients: int) -> Interval:
    """The interval of a share, or of a score such as kappa, which can lie beyond 0 or 1."""
    found = with_exact_bound(draws[:, 0].mean(), draws[:, 1:].mean(0), patients)
    value, low, high = over_trainings(found, draws)
    if not np.isfinite(value):
        return found
    least, most = min(0.0, np.nanmin(draws)), max(1.0, np.nanmax(draws))
    return Interval(value, max(least, min(low, value)), min(most, max(high, value)))


def _diagonal(confusion: np.ndarray) -> np.ndarray:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _over_present(per_class: np.ndarray, confusion: np.ndarray) -> np.ndarray:
    """Mean over the classes that have images."""
    present = confusion.sum(-1) > 0
    return (per_class * present).sum(-1) / present.sum(-1)
