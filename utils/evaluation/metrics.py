"""Scores with intervals, from predictions alone: no model, no images."""

from typing import Protocol

import numpy as np
import pandas as pd

from utils.evaluation.intervals import (
    Interval,
    interval_table,
    largest_unseen_share,
    quantiles,
    resamples,
    with_exact_bound,
)
from utils.evaluation.predictions import Predictions

# Scores: each takes confusion matrices (..., classes, classes), so 2,000 resamples cost one call.


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """Share of images on the diagonal."""
    return _diagonal(confusion).sum(-1) / confusion.sum((-2, -1))


def balanced_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Mean recall of the classes that have images."""
    return np.nanmean(_ratio(_diagonal(confusion), confusion.sum(-1), empty=np.nan), -1)


def macro_precision(confusion: np.ndarray) -> np.ndarray:
    """Mean over the classes; a class that is never predicted counts 0."""
    return _over_present(_ratio(_diagonal(confusion), confusion.sum(-2)), confusion)


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Mean over the classes; a class that is never predicted counts 0."""
    both = confusion.sum(-1) + confusion.sum(-2)
    return _over_present(_ratio(2 * _diagonal(confusion), both), confusion)


def missed_disease(confusion: np.ndarray) -> np.ndarray:
    """The share of images with a finding that are predicted normal, the first class."""
    diseased = confusion[..., 1:, :]
    return _ratio(diseased[..., 0].sum(-1), diseased.sum((-2, -1)), empty=np.nan)


class Score(Protocol):
    """(..., classes, classes) -> (...): a number for each confusion matrix."""

    def __call__(self, confusion: np.ndarray, /) -> np.ndarray: ...


SCORES: dict[str, Score] = {
    "accuracy": accuracy,
    "balanced accuracy": balanced_accuracy,
    "macro F1": macro_f1,
    "macro precision": macro_precision,
}
RATES: dict[str, Score] = {"missed disease": missed_disease}  # less is better
DROPS_OF = ("accuracy", "macro F1", "macro precision")  # their mean is the combined drop


def scores(predictions: Predictions, seed: int = 0) -> pd.DataFrame:
    """Every score with its 95 % interval from resampled patients; AUC where it is defined."""
    per_group = predictions.confusion_by_group()
    weights = resamples(len(per_group), seed)
    resampled = np.tensordot(weights, per_group, 1)
    rows = {
        name: with_exact_bound(score(per_group.sum(0)), score(resampled), len(per_group))
        for name, score in SCORES.items()
    }
    rows["AUC"] = with_exact_bound(*_auc(predictions, weights), len(per_group))
    return interval_table(rows)


def score_of(predictions: Predictions, name: str = "accuracy", seed: int = 0) -> Interval:
    """One score or rate with its interval, as in `scores` but quicker."""
    per_group, score = predictions.confusion_by_group(), (SCORES | RATES)[name]
    resampled = np.tensordot(resamples(len(per_group), seed), per_group, 1)
    return with_exact_bound(score(per_group.sum(0)), score(resampled), len(per_group))


def relative_drop(normal, attacked):
    """Percent of the normal score that the attack takes away; NaN where that was 0."""
    normal = np.asarray(normal, float)
    return 100 * _ratio(normal - attacked, normal, empty=np.nan)


def drops(normal: Predictions, attacked: Predictions, seed: int = 0) -> pd.DataFrame:
    """Accuracy drops with paired intervals: each resample of patients applies to both sides.

    The combined drop is the mean of the three.
    """
    before, after, patients = _paired(normal, attacked, seed)
    rows = {name: relative_drop(before[name], after[name]) for name in DROPS_OF}
    rows["combined"] = np.mean([rows[name] for name in DROPS_OF], 0)
    table = interval_table({name: _with_quantiles(row) for name, row in rows.items()})
    lost = table["value"] == 100  # in every resample; a larger sample may still have a survivor
    table.loc[lost, "low"] = 100 * (1 - largest_unseen_share(patients))
    return table


def gains(before: Predictions, after: Predictions, seed: int = 0) -> pd.DataFrame:
    """After minus before, for every score, with paired intervals. Two models differ in a
    score when its interval excludes zero."""
    first, second, _ = _paired(before, after, seed)
    return interval_table({name: _with_quantiles(second[name] - first[name]) for name in SCORES})


def _paired(first: Predictions, second: Predictions, seed: int) -> tuple[dict, dict, int]:
    """Every score of both, as they are and in each resample: arrays of 1 + DRAWS numbers."""
    if not np.array_equal(first.labels, second.labels):
        raise ValueError("only the same images in the same order can be compared")
    tables = first.confusion_by_group(), second.confusion_by_group()
    patients = len(tables[0])
    weights = np.vstack([np.ones(patients), resamples(patients, seed)])
    resampled = [np.tensordot(weights, table, 1) for table in tables]
    before, after = ({name: s(c) for name, s in SCORES.items()} for c in resampled)
    return before, after, patients


def majority_share(labels: np.ndarray) -> float:
    """Accuracy of always predicting the most frequent class: the chance line."""
    return float(np.bincount(labels).max() / len(labels))


def _with_quantiles(row: np.ndarray) -> Interval:
    """A number and its resamples, as `_paired` returns them."""
    return Interval(float(row[0]), *quantiles(row[1:]))


def _diagonal(confusion: np.ndarray) -> np.ndarray:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _ratio(above, below, empty: float = 0.0) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(below), empty), where=below != 0)


def _over_present(per_class: np.ndarray, confusion: np.ndarray) -> np.ndarray:
    """Mean over the classes that have images."""
    present = confusion.sum(-1) > 0
    return (per_class * present).sum(-1) / present.sum(-1)


def _auc(predictions: Predictions, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean one-against-rest area over the classes with images, of the split and its resamples."""
    _, member = np.unique(predictions.groups, return_inverse=True)
    per_image = np.vstack([np.ones(len(member)), weights[:, member]])
    areas = [
        area(predictions.probabilities[:, c], predictions.labels == c, per_image)
        for c in np.unique(predictions.labels)
    ]
    if len(areas) < 2:
        return np.nan, np.full(len(weights), np.nan)
    mean = np.nanmean(areas, 0)
    return float(mean[0]), mean[1:]


def area(score: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """AUROC for each row of weights: the share of (positive, negative) pairs in order."""
    of_class, of_rest = positives_and_negatives(score, positive, weights)
    below = np.cumsum(of_rest, 1) - of_rest / 2
    return _ratio((of_class * below).sum(1), of_class.sum(1) * of_rest.sum(1), empty=np.nan)


def positives_and_negatives(
    score: np.ndarray, positive: np.ndarray, weights: np.ndarray
) -> list[np.ndarray]:
    """The weight of the positives and of the negatives at each score, from low to high."""
    _, rank = np.unique(score, return_inverse=True)
    order = np.argsort(rank)
    starts = np.flatnonzero(np.diff(rank[order], prepend=-1))
    sides = positive, ~positive
    return [np.add.reduceat((weights * side)[:, order], starts, axis=1) for side in sides]
