"""How well a suspicion tells the guilty from the innocent, before any threshold is drawn."""

import numpy as np
import pandas as pd

from utils.evaluation.intervals import resamples, with_exact_bound
from utils.evaluation.metrics import area, positives_and_negatives

FALSE_POSITIVE_RATE = 0.01  # the share of innocents that may be accused
COLUMNS = ["value", "low", "high"]


def roc_scores(suspicion, guilty, groups=None, seed: int = 0) -> pd.DataFrame:
    """AUROC, and the share of the guilty that is caught while 1 % of the innocent are accused,
    with 95 % intervals from resampled patients. Not defined unless there are both sides. Of a
    perfect value the lower end is the exact bound of so many guilty patients, and so may lie
    below that of a value just short of perfect.
    """
    suspicion, guilty = np.asarray(suspicion, float), np.asarray(guilty, bool)
    groups = np.arange(len(guilty)) if groups is None else np.asarray(groups)
    if not len(suspicion) == len(guilty) == len(groups) or not np.isfinite(suspicion).all():
        raise ValueError(
            "needs a finite suspicion for each image, and whether it is guilty; got "
            f"{np.isfinite(suspicion).sum()} finite ones for {len(guilty)} images, of which "
            f"{len(groups)} have a patient"
        )
    names, member = np.unique(groups, return_inverse=True)
    drawn = resamples(len(names), seed)[:, member]
    weights = np.vstack([np.ones(len(member)), drawn])
    suspects = len(np.unique(groups[guilty]))  # patients: so many could hide what was not met
    found = {
        "AUROC": area(suspicion, guilty, weights),
        f"TPR at {FALSE_POSITIVE_RATE:.0%} FPR": tpr_at_fpr(suspicion, guilty, weights),
    }
    rows = {
        name: with_exact_bound(each[0], each[1:], max(suspects, 1)) for name, each in found.items()
    }
    return pd.DataFrame(rows, index=COLUMNS).T


def tpr_at_fpr(suspicion: np.ndarray, guilty: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """For each row of weights the share of the guilty above the best threshold that is allowed."""
    of_guilty, of_innocent = positives_and_negatives(-suspicion, guilty, weights)
    hits, alarms = np.cumsum(of_guilty, 1), np.cumsum(of_innocent, 1)
    allowed = alarms <= FALSE_POSITIVE_RATE * alarms[:, -1:]
    best = np.where(allowed, hits, 0).max(1)
    both = (hits[:, -1] > 0) & (alarms[:, -1] > 0)  # a resample may lack one side
    return np.divide(best, hits[:, -1], out=np.full(len(best), np.nan), where=both)
