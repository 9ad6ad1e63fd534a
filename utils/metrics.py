"""Numbers with intervals, from predictions alone: no model, no images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

DRAWS = 2000  # bootstrap resamples
LEVEL = 0.95


@dataclass(frozen=True)
class Predictions:
    """What a model said of a split: one row of class probabilities per image."""

    labels: np.ndarray
    probabilities: np.ndarray
    groups: np.ndarray
    class_names: tuple[str, ...]

    @property
    def classes(self) -> int:
        return len(self.class_names)

    @property
    def right(self) -> np.ndarray:
        return self.probabilities.argmax(1) == self.labels

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())

    @property
    def confusion(self) -> np.ndarray:
        """Images by true class (row) and predicted class (column)."""
        return self.confusion_by_group().sum(0)

    def confusion_by_group(self) -> np.ndarray:
        """One confusion matrix per patient: all that most scores need, and quick to resample."""
        names, member = np.unique(self.groups, return_inverse=True)
        table = np.zeros((len(names), self.classes, self.classes))
        np.add.at(table, (member, self.labels, self.probabilities.argmax(1)), 1)
        return table

    def take(self, chosen) -> "Predictions":
        return Predictions(
            self.labels[chosen], self.probabilities[chosen], self.groups[chosen], self.class_names
        )

    def as_table(self) -> pd.DataFrame:
        """One row per image; the probabilities stand under their class names."""
        names = np.asarray(self.class_names)
        truth = {"image": np.arange(len(self.labels)), "group": self.groups}
        columns = dict(zip(self.class_names, self.probabilities.round(6).T, strict=True))
        return pd.DataFrame({**truth, "label": names[self.labels], **columns})

    @staticmethod
    def read(path: Path) -> "Predictions":
        table = pd.read_csv(path)
        names = tuple(table.columns[3:])
        labels = table["label"].map({name: number for number, name in enumerate(names)})
        return Predictions(
            labels.to_numpy(), table[list(names)].to_numpy(), table["group"].to_numpy(), names
        )


# Scores: each takes confusion matrices (..., classes, classes), so 2,000 resamples cost one call.


def accuracy(confusion: np.ndarray) -> np.ndarray:
    return _diagonal(confusion).sum(-1) / confusion.sum((-2, -1))


def balanced_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Mean recall of the classes that are there."""
    return np.nanmean(_ratio(_diagonal(confusion), confusion.sum(-1), empty=np.nan), -1)


def macro_precision(confusion: np.ndarray) -> np.ndarray:
    """Mean over the classes; a class that is never predicted counts 0."""
    return _over_present(_ratio(_diagonal(confusion), confusion.sum(-2)), confusion)


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    both = confusion.sum(-1) + confusion.sum(-2)
    return _over_present(_ratio(2 * _diagonal(confusion), both), confusion)


SCORES = {
    "accuracy": accuracy,
    "balanced accuracy": balanced_accuracy,
    "macro F1": macro_f1,
    "macro precision": macro_precision,
}
DROPS_OF = ("accuracy", "macro F1", "macro precision")  # their mean is the combined drop


def scores(predictions: Predictions, seed: int = 0) -> pd.DataFrame:
    """Every score with its 95 % interval from resampled patients; AUC where it is defined."""
    per_group = predictions.confusion_by_group()
    weights = _resamples(len(per_group), seed)
    resampled = np.tensordot(weights, per_group, 1)
    rows = {
        name: _with_interval(score(per_group.sum(0)), score(resampled), len(per_group))
        for name, score in SCORES.items()
    }
    rows["AUC"] = _with_interval(*_auc(predictions, weights), len(per_group))
    return pd.DataFrame(rows, index=["value", "low", "high"]).T


def relative_drop(normal, attacked):
    """Percent of the normal score that the attack takes away; undefined where that was 0."""
    normal = np.asarray(normal, float)
    return 100 * _ratio(normal - attacked, normal, empty=np.nan)


def drops(normal: Predictions, attacked: Predictions, seed: int = 0) -> pd.DataFrame:
    """Drops with paired intervals: one resample of patients moves both sides.

    The combined drop is the mean of the three.
    """
    if not np.array_equal(normal.labels, attacked.labels):
        raise ValueError("a drop compares the same images in the same order")
    tables = normal.confusion_by_group(), attacked.confusion_by_group()
    weights = _resamples(len(tables[0]), seed)
    value, draws = (
        [relative_drop(SCORES[name](a), SCORES[name](b)) for name in DROPS_OF]
        for a, b in (
            [table.sum(0) for table in tables],
            [np.tensordot(weights, table, 1) for table in tables],
        )
    )
    rows = dict(zip(DROPS_OF, zip(value, draws, strict=True), strict=True))
    rows["combined"] = np.mean(value, 0), np.mean(draws, 0)
    return pd.DataFrame(
        {name: (float(v), *_quantiles(d)) for name, (v, d) in rows.items()},
        index=["value", "low", "high"],
    ).T


def more_often_right(first: np.ndarray, second: np.ndarray) -> float:
    """How probable so many more hits of `first` would be by luck (exact one-sided McNemar)."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if only_first + only_second == 0:
        return 1.0
    return stats.binomtest(only_first, only_first + only_second, alternative="greater").pvalue


def majority_share(labels: np.ndarray) -> float:
    """Accuracy of always naming the most frequent class: the chance line."""
    return float(np.bincount(labels).max() / len(labels))


def _diagonal(confusion: np.ndarray) -> np.ndarray:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _ratio(above, below, empty: float = 0.0) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(below), empty), where=below != 0)


def _over_present(per_class: np.ndarray, confusion: np.ndarray) -> np.ndarray:
    """Mean over the classes that have images."""
    present = confusion.sum(-1) > 0
    return (per_class * present).sum(-1) / present.sum(-1)


def _resamples(count: int, seed: int) -> np.ndarray:
    """How often each patient is drawn, in each resample."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), DRAWS)


def _quantiles(draws: np.ndarray) -> tuple[float, float]:
    low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _with_interval(value, draws: np.ndarray, patients: int) -> tuple[float, float, float]:
    """At 0 or 1 every resample agrees; the honest bound is then the binomial one of n patients."""
    value = float(value)
    low, high = _quantiles(draws) if np.isfinite(value) else (np.nan, np.nan)
    unseen = 1 - ((1 - LEVEL) / 2) ** (1 / patients)
    if value == 0:
        high = max(high, unseen)
    if value == 1:
        low = min(low, 1 - unseen)
    return value, low, high


def _auc(predictions: Predictions, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean one-against-rest area over the classes with images, of the split and its resamples."""
    _, member = np.unique(predictions.groups, return_inverse=True)
    per_image = np.vstack([np.ones(len(member)), weights[:, member]])
    areas = [
        _area(predictions.probabilities[:, c], predictions.labels == c, per_image)
        for c in np.unique(predictions.labels)
    ]
    if len(areas) < 2:
        return np.nan, np.full(len(weights), np.nan)
    mean = np.nanmean(areas, 0)
    return float(mean[0]), mean[1:]


def _area(score: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted share of (positive, negative) pairs in the right order; ties count half."""
    _, rank = np.unique(score, return_inverse=True)
    order = np.argsort(rank)
    starts = np.flatnonzero(np.diff(rank[order], prepend=-1))
    of_class, of_rest = (
        np.add.reduceat((weights * side)[:, order], starts, axis=1)
        for side in (positive, ~positive)
    )
    below = np.cumsum(of_rest, 1) - of_rest / 2
    return _ratio((of_class * below).sum(1), of_class.sum(1) * of_rest.sum(1), empty=np.nan)
