"""A nearest-neighbour look-up while more and more test patients are also in training."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from matplotlib.figure import Figure

from utils.contamination.planted_leaks import leaky_and_clean_splits
from utils.data.duplicates import small_grey
from utils.data.split import Split, Splits, concatenate
from utils.evaluation.intervals import Interval, mean_of
from utils.evaluation.metrics import majority_share
from utils.figures.playground import accuracy_by_leak

SHARES = tuple(range(0, 101, 5))  # percent of the test patients
SHOWN = 3  # test images with their neighbours


@dataclass(frozen=True)
class PatientLeak:
    """Test images, and how far each is from every image that may be in training.

    `training` ends with as many substitutes as leaked images, in the same order of labels: each
    leaked image takes the place of its substitute.
    """

    test: Split
    training: Split
    leaked: np.ndarray  # the patient of each leaked image
    distances: np.ndarray  # (test, training)
    order: np.ndarray  # the test patients, in which they leak

    @classmethod
    def of(cls, splits: Splits, seed: int = 0) -> "PatientLeak":
        """A third of each test patient's images is kept for the test, the others may leak."""
        clean, leaky = leaky_and_clean_splits(splits, seed)
        test, honest, other = clean.test, clean.train, leaky.train
        substitute = ~np.isin(honest.patients, other.patients)
        leaked = _by_label(other.take(~np.isin(other.patients, honest.patients)))
        substitutes = _by_label(honest.take(substitute))
        training = concatenate(honest.take(~substitute), substitutes, leaked)
        distances = torch.cdist(small_grey(test.images), small_grey(training.images)).numpy()
        order = np.random.default_rng(seed).permutation(np.unique(test.patients))
        return cls(test, training, leaked.patients, distances, order)

    def in_training(self, share: float) -> np.ndarray:
        """Which of the images are in training when this percentage of the test patients is."""
        met = np.isin(self.leaked, self.order[: round(share / 100 * len(self.order))])
        others = np.ones(len(self.training) - 2 * len(met), dtype=bool)
        return np.concatenate([others, ~met, met])

    def neighbours(self, share: float) -> np.ndarray:
        """The nearest training image of each test image."""
        return np.where(self.in_training(share), self.distances, np.inf).argmin(1)

    def right(self, share: float) -> np.ndarray:
        """Whether the nearest training image has the label of the test image."""
        return (self.training.labels[self.neighbours(share)] == self.test.labels).numpy()

    def accuracy(self, share: float) -> Interval:
        return mean_of(self.right(share), self.test.patients)

    @cached_property
    def curve(self) -> dict[int, float]:
        """The accuracy at every share of the slider; no move of it changes the curve."""
        return {share: self.right(share).mean() for share in SHARES}

    def figure(self, leaked_share: float) -> Figure:
        now = leaked_share, self.accuracy(leaked_share)
        constant = majority_share(self.test.labels.numpy())
        rows = [np.flatnonzero(self.test.patients == patient)[0] for patient in self._shown()]
        queries = self.test.take(rows)
        found = self.training.take(self.neighbours(leaked_share)[rows])
        same = queries.patients == found.patients
        return accuracy_by_leak(self.curve, *now, constant, queries.images, found.images, same)

    def _shown(self) -> np.ndarray:
        """Patients who leak one after the other while the slider moves."""
        places = (np.arange(SHOWN) + 0.5) / SHOWN * len(self.order)
        return self.order[places.astype(int)]


def _by_label(split: Split) -> Split:
    return split.take(split.labels.argsort(stable=True))
