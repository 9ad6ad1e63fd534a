"""A classifier of contaminations whose probabilities can be believed, for a stated prior."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression

from utils.contamination.base import KINDS, kinds_of
from utils.detection.contaminated_shares import estimated_shares
from utils.detection.contamination_classifier import (
    Case,
    ContaminationClassifier,
    cross_patient_predict,
)
from utils.detection.thresholds import false_alarms, threshold_at
from utils.evaluation.intervals import Interval
from utils.evaluation.predictions import Predictions


@dataclass(frozen=True)
class CalibratedClassifier:
    """A classifier, and what it made of held-out patients whose kinds are known.

    Each probability is replaced by the share of held-out images of this kind among those with a
    like probability. `prior` is the share of contaminated images where it is used; None leaves it
    as it was in the lessons.
    """

    classifier: ContaminationClassifier
    held_out: Predictions  # of the lessons, each patient by a classifier that has not met them
    scales: Mapping[str, IsotonicRegression]
    prior: float | None = None

    def with_prior(self, contaminated: float) -> "CalibratedClassifier":
        """The same for data in which this share of the images is contaminated."""
        if not 0 < contaminated < 1:
            raise ValueError(f"a prior is a share between 0 and 1, got {contaminated}")
        return replace(self, prior=contaminated)

    def score(self, features: pd.DataFrame) -> np.ndarray:
        """One number per image; higher is more suspicious. No prior changes the order."""
        return self.classifier.score(features)

    def probabilities(self, features: pd.DataFrame) -> pd.DataFrame:
        """A row for each image, a column for each of KINDS."""
        found = self.classifier.probabilities(features)
        scaled = pd.DataFrame(
            {
                kind: self.scales[kind].predict(found[kind]) if kind in self.scales else 0.0
                for kind in KINDS
            },
            index=features.index,
        )
        scaled = scaled.div(scaled.sum(axis=1), axis=0)
        return scaled if self.prior is None else shift_prior(scaled, self._learned, self.prior)

    def predict(self, case: Case) -> Predictions:
        """The same, of images whose kinds are known: to see how far they can be believed."""
        return _as_predictions(self.probabilities(case[0]), case[1])

    def shares(self, case: Case, seed: int = 0) -> pd.DataFrame:
        """The share of each kind in this split with its interval, corrected by what is confused.

        The truth in the split is not looked at.
        """
        found = _as_predictions(self.classifier.probabilities(case[0]), case[1])
        return estimated_shares(found, self.held_out, seed)

    @property
    def clean_scores(self) -> np.ndarray:
        """The scores of held-out clean images."""
        return 1 - self.held_out.probabilities[self._clean, 0]

    def threshold(self, rate: float) -> float:
        """Of the score: at most this share of held-out clean images exceeds it."""
        return threshold_at(rate, self.clean_scores)

    def false_alarms(self, threshold: float, seed: int = 0) -> Interval:
        """How many of 1,000 clean images of other patients will be flagged at this threshold."""
        return false_alarms(self.clean_scores, threshold, self.held_out.groups[self._clean], seed)

    @property
    def _clean(self) -> np.ndarray:
        return self.held_out.labels == 0

    @property
    def _learned(self) -> float:
        """The share of contaminated images in the lessons."""
        return float((self.held_out.labels != 0).mean())


def fit_calibrated(case: Case, seed: int = 0) -> CalibratedClassifier:
    """Learn from a case, and calibrate on its patients: each half by the other one."""
    raw = _as_predictions(cross_patient_predict(case, case, seed=seed), case[1])
    least = 1 / (len(raw.labels) + 2)  # never 0 or 1: a prior could not move them
    scales = {
        KINDS[kind]: IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip").fit(
            raw.probabilities[:, kind], raw.labels == kind
        )
        for kind in np.unique(raw.labels)
    }
    return CalibratedClassifier(ContaminationClassifier(seed).fit([case]), raw, scales)


def shift_prior(probabilities: pd.DataFrame, learned: float, prior: float) -> pd.DataFrame:
    """Probabilities where `prior` of the images are contaminated, not `learned` of them.

    The odds of clean change by one factor for all images; among the kinds nothing changes.
    """
    factors = np.full(len(probabilities.columns), prior / learned)
    factors[list(probabilities.columns).index(KINDS[0])] = (1 - prior) / (1 - learned)
    shifted = probabilities * factors
    return shifted.div(shifted.sum(axis=1), axis=0)


def _as_predictions(probabilities: pd.DataFrame, split) -> Predictions:
    rows = probabilities[list(KINDS)].to_numpy()
    return Predictions(kinds_of(split).numpy(), rows, split.patients, KINDS)
