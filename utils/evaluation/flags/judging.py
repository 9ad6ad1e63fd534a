"""How a red flag is judged: a function from evidence to a reason, or to None if it is not red.

A reason that begins with "not resolved" is not red either: these images cannot show the mistake.
Nor is one that begins with "harmless": what was found does not make the score wrong.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from utils.evaluation.predictions import Predictions
from utils.evaluation.resampling import ALPHA

RARE = 0.001  # p-value below which a coincidence is no explanation
SAME = 0.01  # difference up to which two probabilities count as the same
NOT_APPLICABLE, NOT_RESOLVED, HARMLESS = "not applicable", "not resolved", "harmless"
NOT_RED = (NOT_APPLICABLE, NOT_RESOLVED, HARMLESS)

Flags = Mapping[str, Callable[..., str | None]]


def evaluate_flags(flags: Flags, evidence) -> pd.DataFrame:
    """One row per flag; a reason that says not applicable, not resolved or harmless is not red."""
    reasons = [flag(evidence) or "" for flag in flags.values()]
    red = [why != "" and not why.startswith(NOT_RED) for why in reasons]
    return pd.DataFrame({"flag": list(flags), "red": red, "reason": reasons})


def too_few(predictions: Predictions, rows: np.ndarray) -> str | None:
    """Not resolved where these images, all on one side, would still be no more than chance."""
    patients = len(np.unique(predictions.groups[rows]))
    if 0.5**patients >= ALPHA:
        return f"{NOT_RESOLVED}: too few patients ({patients})"


def more_than(share: float, found: np.ndarray, groups: np.ndarray) -> bool:
    """Whether it is found in more than this share, beyond chance (exact, one-sided, by patient):
    one patient alone is never enough at a share of 5 %."""
    patients, count = len(np.unique(groups)), len(np.unique(groups[found]))
    return binomtest(count, patients, share, alternative="greater").pvalue < ALPHA
