"""Simulated worlds in which the truth about a score is known."""

import numpy as np
from scipy.special import expit

from utils.evaluation.predictions import Predictions, pool_trainings

NAMES = ("a", "b", "c", "d")
SHARES = (38, 27, 12, 3)  # of 80 patients: the grades of the course's brain images


class Trainings:
    """A method whose trainings differ in skill, and patients who differ in difficulty.

    `odd` is how far a training and a patient may disagree with both: what luck adds.
    """

    def __init__(self, skill: float, trainings: float, patients: float, odd: float):
        self.skill, self.spread = skill, (trainings, patients, odd)

    def right(self, rng, count: int, patients: int, ease=None) -> np.ndarray:
        """Which patients each training gets right: (trainings, patients)."""
        of_training, of_patient, odd = self.spread
        ease = rng.normal(size=patients) if ease is None else ease
        logit = self.skill + of_training * rng.normal(size=(count, 1)) + of_patient * ease
        return rng.random((count, patients)) < expit(
            logit + odd * rng.normal(size=(count, patients))
        )

    @property
    def accuracy(self) -> float:
        """The mean over all trainings and patients there could be."""
        width = np.sqrt(np.square(self.spread).sum())
        nodes, weights = np.polynomial.hermite_e.hermegauss(99)
        return float(expit(self.skill + width * nodes) @ weights / weights.sum())


def pooled(right: np.ndarray) -> Predictions:
    """Two classes in turn, one image per patient."""
    patients = np.arange(right.shape[1])
    labels = patients % 2
    verdicts = np.where(right, labels, 1 - labels)
    names = NAMES[:2]
    return pool_trainings(
        [Predictions(labels, np.eye(2)[row], patients, names) for row in verdicts]
    )


class Grades:
    """Four grades as rare as the course's, and a network that confuses neighbours."""

    shares = np.array(SHARES) / sum(SHARES)

    def __init__(self, recall=(0.9, 0.8, 0.6, 0.5)):
        self.confusion = np.zeros((4, 4))  # predicted by true grade
        for grade, right in enumerate(recall):
            near = [other for other in (grade - 1, grade + 1) if 0 <= other < 4]
            self.confusion[grade, grade] = right
            self.confusion[grade, near] += (1 - right) / len(near)

    @property
    def expected(self) -> np.ndarray:
        return self.shares[:, None] * self.confusion

    def predictions(self, rng, patients: int) -> Predictions:
        labels = rng.choice(4, patients, p=self.shares)
        named = (rng.random((patients, 1)) > self.confusion[labels].cumsum(1)).sum(1)
        return Predictions(labels, np.eye(4)[named.clip(max=3)], np.arange(patients), NAMES)
