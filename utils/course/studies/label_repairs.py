"""What cleaning wrong labels is worth: heads on frozen features, dirty and cleaned, in repeats."""

from dataclasses import dataclass, replace

import numpy as np

from utils.contamination.base import kinds_of
from utils.contamination.label_noise import LabelError
from utils.data.patient_split import split_by_group
from utils.data.split import Split
from utils.defences.data_cleaning import (
    highest_scores,
    oracle_scores,
    random_scores,
    relabel_flagged,
)
from utils.detection.label_errors import label_error_scores, wrong_label_share
from utils.evaluation.intervals import Interval
from utils.evaluation.predictions import Predictions
from utils.training.cross_validation import folds_of
from utils.training.features import LinearProbe, folded_probe

MOST = 0.9  # of the images may be dropped


@dataclass(frozen=True)
class Repeat:
    """One delivery with wrong labels, what is known of it, and what heads learn from it."""

    delivered: Split
    probabilities: np.ndarray  # out of fold
    scores: np.ndarray  # of the labels; higher is more suspicious
    estimate: Interval  # of the share of wrong labels
    answers: dict[str, Predictions]  # on the test images, by what was done to the labels

    @property
    def wrong(self) -> np.ndarray:
        """The truth: which labels are wrong."""
        return kinds_of(self.delivered).numpy() > 0


@dataclass(frozen=True)
class LabelRepairs:
    """Repeats with other patients and other errors; the test images are always the same.

    `rows` and `test_rows` are features. No repair but the oracle knows how many labels are wrong:
    each drops or relabels as many images as the joint of labels and predictions estimates.
    """

    train: Split
    rows: np.ndarray
    test: Split
    test_rows: np.ndarray
    strength: float = 0.01  # C of the logistic regression
    folds: int = 5
    share: float = 0.6  # of the training patients, drawn anew for every repeat

    def repeat(self, errors: LabelError, seed: int) -> Repeat:
        """A delivery with these errors, and a head for each repair."""
        train, shares = self.train, (self.share, 1 - self.share)
        chosen = split_by_group(train.labels.numpy(), train.patients, shares, seed)[0]
        split, rows = replace(errors, seed=seed)(train).take(chosen), self.rows[chosen]
        probabilities = self.out_of_fold(split, rows, seed)
        scores = label_error_scores(split.labels, probabilities)
        estimate = wrong_label_share(split.labels, probabilities, split.patients, seed)
        known, share = oracle_scores(split, errors.kind), min(estimate.value, MOST)
        dropped = {
            "as delivered": (scores, 0.0),
            "as many dropped at random": (random_scores(split, seed), share),
            "flagged dropped": (scores, share),
            "wrong ones dropped by an oracle": (known, known.mean()),
        }
        answers = {name: self._without(split, rows, *each) for name, each in dropped.items()}
        relabelled = relabel_flagged(split, scores, share, probabilities)
        answers["flagged relabelled"] = self._answer(relabelled, rows)
        return Repeat(split, probabilities, scores, estimate, answers)

    def out_of_fold(self, split: Split, rows: np.ndarray, seed: int = 0) -> np.ndarray:
        """What heads predict for patients that they have not met."""
        found = np.empty((len(split), split.classes))
        for part in folds_of(split, self.folds, seed):
            known = np.setdiff1d(np.arange(len(split)), part)
            probe = self._fit(split.take(known), rows[known])
            found[part] = probe.predict(rows[part], split.take(part)).probabilities
        return found

    def _without(self, split: Split, rows: np.ndarray, scores, share: float) -> Predictions:
        kept = np.setdiff1d(np.arange(len(split)), highest_scores(scores, share).numpy())
        return self._answer(split.take(kept), rows[kept])

    def _answer(self, split: Split, rows: np.ndarray) -> Predictions:
        return self._fit(split, rows).predict(self.test_rows, self.test)

    def _fit(self, split: Split, rows: np.ndarray) -> LinearProbe:
        return folded_probe(rows, split, (self.strength,))
