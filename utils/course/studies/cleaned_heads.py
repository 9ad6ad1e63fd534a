"""What cleaning is worth: heads on frozen features, contaminated and cleaned, in repeats."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from utils.contamination.base import Contamination, kinds_of
from utils.data.patients.splitting import split_by_group
from utils.data.split import Split
from utils.defences.repair.data_cleaning import highest_scores, random_scores, relabel_flagged
from utils.detection.label_errors import label_error_scores, wrong_label_share
from utils.evaluation.intervals import Interval
from utils.evaluation.predictions import Predictions
from utils.training.cross_validation import out_of_fold_probabilities
from utils.training.features import folded_probe

MOST = 0.9  # of the images may be dropped

Answers = dict[str, Predictions]  # by the name of the test


@dataclass(frozen=True)
class CleanedRepeat:
    """One contaminated delivery, what is known of it, and what heads learn from it."""

    delivered: Split
    rows: np.ndarray  # its features
    probabilities: np.ndarray  # out of fold
    scores: np.ndarray  # of the labels; higher is more suspicious
    estimate: Interval  # of the share of wrong labels
    answers: dict[str, Answers]  # by what was done to the delivery

    @property
    def wrong(self) -> np.ndarray:
        """The truth: which images are contaminated."""
        return kinds_of(self.delivered).numpy() > 0

    @property
    def dropped(self) -> np.ndarray:
        """Which images are dropped: as many of the most suspicious as are estimated to be wrong."""
        chosen = highest_scores(self.scores, min(self.estimate.value, MOST))
        return np.isin(np.arange(len(self.scores)), chosen)


@dataclass(frozen=True)
class CleanedHeads:
    """Repeats with other patients and other contaminated images; the tests are always the same.

    `features` are those of a network that stays as it is. Two heads learn from them: a careful one
    judges the labels out of fold, and one that can memorise them is what the repair is for. No
    repair but the oracle knows how many labels are wrong: each drops or relabels as many images as
    the joint of labels and predictions estimates.
    """

    train: Split
    features: Callable[[Split], np.ndarray]
    strength: float = 0.1  # C of the heads that learn
    careful: float = 0.001  # C of those that judge
    folds: int = 5
    share: float = 0.6  # of the training patients, drawn anew for every repeat
    trusted: Split | None = None  # images that teach the judge instead, none of them delivered

    def repeat(
        self, contamination: Contamination, tests: Mapping[str, Split], seed: int
    ) -> CleanedRepeat:
        """A delivery with this contamination, and a head for each repair."""
        train, chosen = self.train, self._delivered(seed)
        split = replace(contamination, seed=seed)(train).take(chosen)
        rows, changed = self.features(train)[chosen], np.flatnonzero(kinds_of(split))
        if len(changed):
            rows[changed] = self.features(split.take(changed))
        found = self.judged(split, rows, seed)
        at_random = random_scores(split, seed).argsort() < found.dropped.sum()
        left_out = {
            "as delivered": np.zeros_like(at_random),
            "as many dropped at random": at_random,
            "flagged dropped": found.dropped,
            "dropped by an oracle": found.wrong,
        }
        for name, out in left_out.items():
            kept = np.flatnonzero(~out)
            found.answers[name] = self._answers(split.take(kept), rows[kept], tests)
        relabelled = relabel_flagged(split, found.scores, found.dropped.mean(), found.probabilities)
        found.answers["flagged relabelled"] = self._answers(relabelled, rows, tests)
        return found

    def untouched(self, tests: Mapping[str, Split], seed: int) -> Answers:
        """A head for the same patients as they were: the control of what a contamination does."""
        chosen = self._delivered(seed)
        return self._answers(self.train.take(chosen), self.features(self.train)[chosen], tests)

    def judged(self, split: Split, rows: np.ndarray, seed: int = 0) -> CleanedRepeat:
        """What careful heads make of these labels: out of fold, or after trusted images alone."""
        if self.trusted is None:
            options = self.careful, self.folds, seed
            probabilities = out_of_fold_probabilities(rows, split, *options)
        else:
            probe = folded_probe(self.features(self.trusted), self.trusted, (self.careful,))
            probabilities = probe.predict(rows, split).probabilities
        scores = label_error_scores(split.labels, probabilities)
        estimate = wrong_label_share(split.labels, probabilities, split.patients, seed)
        return CleanedRepeat(split, rows, probabilities, scores, estimate, {})

    def _delivered(self, seed: int) -> np.ndarray:
        """The places of the images of one delivery."""
        train, shares = self.train, (self.share, 1 - self.share)
        return split_by_group(train.labels.numpy(), train.patients, shares, seed)[0]

    def _answers(self, train: Split, rows: np.ndarray, tests: Mapping[str, Split]) -> Answers:
        probe = folded_probe(rows, train, (self.strength,))
        return {name: probe.predict(self.features(test), test) for name, test in tests.items()}
