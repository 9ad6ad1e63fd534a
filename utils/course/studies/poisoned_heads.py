"""How few poisoned images are enough? Heads on frozen features, one trigger and rate at a time."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from utils.contamination.backdoor import Poison
from utils.contamination.base import kinds_of
from utils.data.split import Split
from utils.detection.detectors import DETECTORS
from utils.detection.out_of_fold import outputs_of_features
from utils.evaluation.predictions import Predictions
from utils.training.features import folded_probe

Rows = Callable[[Split], np.ndarray]


@dataclass(frozen=True)
class PoisonedHead:
    """What a head does that has learned from one poisoned collection."""

    with_trigger: Predictions  # test images of other classes, labelled as the attacker wishes
    without_trigger: Predictions  # the same images and labels: the control
    clean: Predictions
    found: float  # AUROC of the detector; NaN where nothing is poisoned


@dataclass(frozen=True)
class PoisonedHeads:
    """A linear head for each rate of a poison; `features` are those of a network that stays.

    With the same seed, the images poisoned at a lower rate are among those at a higher one, so the
    features of every poisoned image are computed once.
    """

    train: Split
    test: Split
    features: Rows
    strength: float = 0.1  # C of the heads
    detector: str = "activation clustering"  # one of DETECTORS that reads features alone

    def at_rates(self, poison: Poison, rates: Iterable[float]) -> dict[float, PoisonedHead]:
        """A head for each rate, and what the detector finds in what it has learned from."""
        rates = sorted(rates)
        most = replace(poison, rate=rates[-1])(self.train)
        places = np.flatnonzero(kinds_of(most))
        rows = self.features(self.train).copy()
        changed = self.features(most.take(places))
        sides = {
            "with_trigger": poison.with_trigger(self.test),
            "without_trigger": poison.without_trigger(self.test),
            "clean": self.test,
        }
        shown = {name: (self.features(split), split) for name, split in sides.items()}
        heads = {}
        for rate in rates:
            split = replace(poison, rate=rate)(self.train)
            poisoned = np.flatnonzero(kinds_of(split))
            rows[poisoned] = changed[np.searchsorted(places, poisoned)]
            probe = folded_probe(rows, split, (self.strength,))
            predicted = {name: probe.predict(*each) for name, each in shown.items()}
            heads[rate] = PoisonedHead(**predicted, found=self._found(rows, split))
        return heads

    def _found(self, rows: np.ndarray, split: Split) -> float:
        poisoned = kinds_of(split).numpy() > 0
        if not poisoned.any():
            return np.nan
        scores = DETECTORS[self.detector].score(outputs_of_features(rows, split))
        return float(roc_auc_score(poisoned, scores))


def rate_table(
    heads: Mapping[str, Mapping[float, PoisonedHead]], share: Callable[[PoisonedHead], float]
) -> pd.DataFrame:
    """A share by trigger (row) and rate (column)."""
    rows = {
        name: {rate: share(head) for rate, head in each.items()} for name, each in heads.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")
