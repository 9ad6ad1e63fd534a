"""Conformal prediction: a set of classes that contains the true one as often as promised.

The promise needs no calibrated model, and holds for any. It needs new patients who are
exchangeable with those of the calibration: what contamination and attacks break.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, default_rng

from utils.evaluation.intervals import Interval, mean_of
from utils.evaluation.predictions import Predictions

MISCOVERAGE = 0.1  # the share of patients whose class a set may miss
ALL = "all classes"


def lac(probabilities: np.ndarray, rng: Generator) -> np.ndarray:
    """One minus the probability of the class: the smallest sets on average (Sadinle 2019)."""
    return 1 - probabilities


def aps(probabilities: np.ndarray, rng: Generator) -> np.ndarray:
    """The probability of all classes ahead, and a random part of its own (Romano 2020).

    Its sets grow where the model hesitates. Where probabilities are true, so are the scores: they
    are uniform, and the random part makes them so.
    """
    order = np.argsort(-probabilities, 1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, 1)
    scores = np.empty_like(ranked)
    part = rng.random((len(ranked), 1))
    np.put_along_axis(scores, order, np.cumsum(ranked, 1) - part * ranked, 1)
    return scores


ConformityScore = Callable[
    [np.ndarray, Generator], np.ndarray
]  # (images, classes), low where it fits
CONFORMITY_SCORES: dict[str, ConformityScore] = {"LAC": lac, "APS": aps}


@dataclass(frozen=True)
class PredictionSets:
    """Which classes each set contains, bool (images, classes), beside the truth."""

    members: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    class_names: tuple[str, ...]

    @property
    def covered(self) -> np.ndarray:
        """Whether the set of each image contains its class."""
        return self.members[np.arange(len(self.labels)), self.labels]

    @property
    def sizes(self) -> np.ndarray:
        return self.members.sum(1)

    @property
    def coverage(self) -> Interval:
        """The share of covered images, with its interval over patients."""
        return mean_of(self.covered, self.groups)

    @property
    def size(self) -> Interval:
        """The mean number of classes in a set, with its interval over patients."""
        return mean_of(self.sizes, self.groups)

    @property
    def by_class(self) -> dict[str, "PredictionSets"]:
        """The sets of all images, and of those of each class."""
        own = {str(n): self._take(self.labels == k) for k, n in enumerate(self.class_names)}
        return {ALL: self, **own}

    def _take(self, chosen: np.ndarray) -> "PredictionSets":
        rows = (self.members[chosen], self.labels[chosen], self.groups[chosen])
        return PredictionSets(*rows, self.class_names)


@dataclass(frozen=True)
class Conformal:
    """Turns predictions into sets: all classes with a score up to the threshold."""

    threshold: float
    score: str
    seed: int = 0

    def __call__(self, predictions: Predictions) -> PredictionSets:
        # Not the random parts of the calibration, or a patient would meet those of another.
        scores = _scores(self.score, predictions, default_rng([self.seed, 1]))
        facts = predictions.labels, predictions.groups, predictions.class_names
        return PredictionSets(scores <= self.threshold, *facts)


def fit_conformal(
    calibration: Predictions, score: str = "LAC", alpha: float = MISCOVERAGE, seed: int = 0
) -> Conformal:
    """Set the threshold on patients that neither training nor tuning has used.

    One image, drawn at random, stands for each patient: images of one patient are not
    exchangeable with those of others, patients are.
    """
    if score not in CONFORMITY_SCORES:
        raise ValueError(f"unknown score {score!r}; choose from {', '.join(CONFORMITY_SCORES)}")
    rng = default_rng([seed, 0])
    one = calibration.take(_one_per_patient(calibration.groups, rng))
    scores = _scores(score, one, rng)[np.arange(len(one.labels)), one.labels]
    return Conformal(conformal_quantile(scores, alpha), score, seed)


def conformal_quantile(scores: np.ndarray, alpha: float) -> float:
    """The ceil((n + 1)(1 - alpha))-th smallest of n scores.

    Where n is too small for the promise, no threshold keeps it: infinite, and sets of all classes.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is a share, above 0 and below 1; got {alpha}")
    rank = math.ceil((len(scores) + 1) * (1 - alpha) - 1e-9)  # 10 * 0.9 is 9, rounding aside
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else math.inf


def coverage_difference(first: PredictionSets, second: PredictionSets) -> Interval:
    """The coverage of the first minus that of the second, on the same images."""
    if not np.array_equal(first.groups, second.groups):
        raise ValueError("only sets for the same images in the same order can be compared")
    return mean_of(first.covered.astype(float) - second.covered, first.groups)


def _scores(name: str, predictions: Predictions, rng: Generator) -> np.ndarray:
    return CONFORMITY_SCORES[name](predictions.probabilities.astype(float), rng)


def _one_per_patient(groups: np.ndarray, rng: Generator) -> np.ndarray:
    """The place of one image of each patient, drawn at random."""
    order = rng.permutation(len(groups))
    _, first = np.unique(groups[order], return_index=True)
    return order[first]
