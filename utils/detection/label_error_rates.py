"""How many labels are wrong, and how many of the most suspicious ones: slips with known rates.

A slip gives an image any other label, by chance. What the score of an image would be after each
slip is known, since its out-of-fold probabilities do not depend on its own label. So the recall is
known for each pair of classes: the share of slips that would score above a limit. The number of
labels above the limit, divided by the recall, is that of wrong labels (Rogan and Gladen 1978), as
long as nearly all labels above it are wrong. Where features do not carry the classes right labels
are above it, too, and the share is too high; of errors on hard images alone fewer are above it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from utils.detection.label_errors import scores_by_label
from utils.evaluation.intervals import Interval, grouped_arm, largest_unseen_share

SEEN = 0.2  # of all slips are above the limit: few right labels are
LEAST_SEEN = 0.05  # of the slips of a pair of classes: a pair with fewer is left out


@dataclass(frozen=True)
class LabelSlips:
    """The scores of labels as they are, and of all slips; `groups` are the patients."""

    labels: np.ndarray
    scores: np.ndarray  # (images, classes): of each label, if the image had it
    groups: np.ndarray

    @classmethod
    def of(cls, labels, probabilities, groups=None) -> "LabelSlips":
        labels = np.asarray(labels)
        groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
        return cls(labels, scores_by_label(labels, probabilities), groups)

    @property
    def given(self) -> np.ndarray:
        """The score of each label as it is."""
        return self.scores[np.arange(len(self.labels)), self.labels]

    @cached_property
    def slipped(self) -> np.ndarray:
        """The scores of all slips, to any other class that has images, in ascending order."""
        return np.sort(self.scores[:, self.classes][self._other])

    @property
    def classes(self) -> np.ndarray:
        return np.unique(self.labels)

    @property
    def _other(self) -> np.ndarray:
        return self.labels[:, None] != self.classes

    @cached_property
    def limits(self) -> np.ndarray:
        """For each class the score that a part of all slips to it would reach."""
        found = np.full(self.scores.shape[1], np.inf)
        for label in self.classes:
            found[label] = np.quantile(self.scores[self.labels != label, label], 1 - SEEN)
        return found

    @cached_property
    def above(self) -> np.ndarray:
        """Which labels are as suspicious as the slips that are seen best."""
        return self.given >= self.limits[self.labels]

    def recall(self, scores: np.ndarray) -> np.ndarray:
        """The share of slips with at least these scores."""
        return 1 - np.searchsorted(self.slipped, scores) / len(self.slipped)

    @cached_property
    def share(self) -> Interval:
        """The estimated share of wrong labels, with its interval over patients: of all pairs that
        slips would show."""
        seen = self._seen[self.labels, self.likely]
        counted = self.above & (seen >= LEAST_SEEN)
        hits = np.where(counted, 1 / seen.clip(LEAST_SEEN), 0.0)
        found = grouped_ratio(hits, np.ones(len(hits)), self.groups, SEEN)
        return Interval(*map(self._corrected, found))

    @cached_property
    def _seen(self) -> np.ndarray:
        """The recall of each pair: of the images labelled with the column's class, those that would
        be above the limit with the label of the row."""
        above = self.scores >= self.limits
        seen = np.zeros(2 * above.shape[1:])
        for label in self.classes:
            seen[:, label] = above[self.labels == label].mean(0)
        np.fill_diagonal(seen, 0)
        return seen

    @property
    def _slips(self) -> int:
        """Of each image."""
        return len(self.classes) - 1

    def _corrected(self, ratio: float) -> float:
        """The labels of the planted slips are not all right before; one slip then rights them."""
        return ratio / (1 + ratio / self._slips)

    def pairs(self) -> pd.DataFrame:
        """The shares of all labels that are given in place of the likely one, largest first.

        A pair that hardly any slip would show is left out.
        """
        rows = []
        for given, label in zip(*np.nonzero(self._seen >= LEAST_SEEN), strict=True):
            hits = self.above & (self.labels == given) & (self.likely == label)
            seen = np.full(len(hits), self._seen[given, label])
            found = grouped_ratio(hits * 1.0, seen, self.groups)
            rows.append((given, label, int(hits.sum()), *map(self._corrected, found)))
        table = pd.DataFrame(rows, columns=["given", "likely", "above", "share", "low", "high"])
        return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)

    @property
    def likely(self) -> np.ndarray:
        """The class whose label would be least suspicious."""
        return self.classes[self.scores[:, self.classes].argmin(1)]

    @property
    def look_wrong(self) -> np.ndarray:
        """Whether another label would be less suspicious than the given one."""
        return self.likely != self.labels

    @cached_property
    def order(self) -> np.ndarray:
        """All images, the most suspicious labels first."""
        return np.argsort(-self.given, kind="stable")

    def expected_wrong(self, share: float) -> np.ndarray:
        """How many of the first 1, 2, ... labels are expected to be wrong, at this share of all."""
        places = np.arange(1, len(self.order) + 1)
        recall = self.recall(self.given[self.order])
        return np.minimum(share * len(self.order) * recall, places)


def grouped_ratio(
    hits: np.ndarray, expected: np.ndarray, groups: np.ndarray, seen: float = 1.0
) -> Interval:
    """The sum of hits relative to that expected of all, with its interval over groups.

    In closed form, on the logarithm, since hits may be few. Without any it ends at the exact bound
    for as many groups as would be `seen`.
    """
    value = hits.sum() / expected.sum()
    if not value:
        units = max(1, round(len(np.unique(groups)) * expected.mean() * seen))
        return Interval(0.0, 0.0, largest_unseen_share(units))
    arm = grouped_arm(hits - value * expected, groups) / hits.sum()
    return Interval(float(value), *(float(value * np.exp(side * arm)) for side in (-1, 1)))
