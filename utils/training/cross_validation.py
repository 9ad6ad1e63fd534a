"""Cross-validation: where patients are few, every one of them is tested once.

`folds_of` also makes the folds of detection/out_of_fold.py, and `out_of_fold_probabilities` judges
labels. The rest is for small sets of real images: course/real/brain_slices.py fits probes by it,
and dataset/README.md shows how to train networks on a set of your own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn

from utils.data.duplicates import pixel_hashes
from utils.data.patients.splitting import split_by_group
from utils.data.split import Split, Splits, concatenate
from utils.evaluation.inference import predict
from utils.evaluation.predictions import Predictions
from utils.run import progress
from utils.training.config import TrainConfig
from utils.training.features import STRENGTHS, folded_probe
from utils.training.loop import train_or_load
from utils.training.losses import CrossEntropy, EpochScore, Loss, ValidationScore

VALIDATION = 1 / 8  # of the patients that are not tested
FEWEST_FOR_ONE_SPLIT = 500  # patients; the interval of a test set of fewer says little


class FoldFit(Protocol):
    """Learns from the training images of a fold and predicts its test images.

    It must be a function of the fold alone. Its random numbers are seeded for each fold.
    """

    def __call__(self, splits: Splits, /) -> Predictions: ...


@dataclass(frozen=True)
class FittedNetwork:
    """Trains a new network in every fold; a finished fold is loaded, a stopped one resumes."""

    make: Callable[[], nn.Module]
    config: TrainConfig
    folder: Path
    loss: Loss = CrossEntropy()
    score: EpochScore = ValidationScore()

    def __call__(self, splits: Splits) -> Predictions:
        model = self.make()
        train_or_load(model, splits, self.config, self.folder, self.loss, self.score)
        return predict(model, splits.test)


@dataclass(frozen=True)
class FittedProbe:
    """Fits a linear probe in every fold, on features that were computed once.

    `rows` are the features of `images`, which hold the images of all folds. Validation patients
    join the training patients, and inner folds choose the strength.
    """

    rows: np.ndarray
    images: Split
    strengths: Sequence[float] = STRENGTHS

    def __call__(self, splits: Splits) -> Predictions:
        known = concatenate(splits.train, splits.validation)
        probe = folded_probe(self._rows_of(known), known, self.strengths)
        return probe.predict(self._rows_of(splits.test), splits.test)

    def _rows_of(self, part: Split) -> np.ndarray:
        """Equal pixels have equal features."""
        places = {each: place for place, each in enumerate(pixel_hashes(self.images.images))}
        return self.rows[[places[each] for each in pixel_hashes(part.images)]]


def cross_validated(split: Split, fit: FoldFit, folds: int = 5, seed: int = 0) -> Predictions:
    """Predictions for every image, each by a model that has met no image of its patient.

    For real data sets of fewer than 500 patients, where a fixed test set is too small. The folds
    share out the patients of each class evenly. The rows are in the order of `split`.
    """
    probabilities = np.full((len(split), split.classes), np.nan)
    parts = folds_of(split, folds, seed)
    for number, part in enumerate(progress(parts, "folds")):
        with torch.random.fork_rng():
            torch.manual_seed(1000 * seed + number)  # so that no fold depends on an earlier one
            found = fit(fold_splits(split, part, seed))
        probabilities[part] = found.probabilities
    return Predictions(split.labels.numpy(), probabilities, split.patients, split.class_names)


def small_set(splits: Splits) -> str:
    """A line for a score on one fixed test set of few patients; empty where they are enough."""
    every = len(np.unique(np.concatenate([part.patients for _, part in splits.items()])))
    if every >= FEWEST_FOR_ONE_SPLIT:
        return ""
    return (
        f"{len(np.unique(splits.test.patients))} of {every} patients are tested; by folds, each of "
        "them would be: see dataset/README.md, Few patients."
    )


def out_of_fold_probabilities(
    rows: np.ndarray, split: Split, strength: float, folds: int = 5, seed: int = 0
) -> np.ndarray:
    """What linear heads predict for patients that they have not met, from a row for each image."""
    found = np.empty((len(split), split.classes))
    for part in folds_of(split, folds, seed):
        known = np.setdiff1d(np.arange(len(split)), part)
        probe = folded_probe(rows[known], split.take(known), (strength,))
        found[part] = probe.predict(rows[part], split.take(part)).probabilities
    return found


def folds_of(split: Split, folds: int = 5, seed: int = 0) -> list[np.ndarray]:
    """The rows that each fold tests; no patient is in two of them."""
    patients = len(np.unique(split.patients))
    if not 2 <= folds <= patients // 2:  # at least two patients in each fold
        raise ValueError(f"{patients} patients make 2 to {patients // 2} folds, got {folds}")
    return split_by_group(split.labels.numpy(), split.patients, (1 / folds,) * folds, seed)


def fold_splits(split: Split, tested: np.ndarray, seed: int = 0) -> Splits:
    """The rows to test, and all others as training and validation images, by patient."""
    others = np.setdiff1d(np.arange(len(split)), tested)
    rest = split.take(others)
    shares = (1 - VALIDATION, VALIDATION)
    train, validation = split_by_group(rest.labels.numpy(), rest.patients, shares, seed)
    return Splits(rest.take(train), rest.take(validation), split.take(tested))
