"""How far a number may be from the truth: resampled patients, and exact bounds."""

from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.stats import binomtest

DRAWS = 2000  # bootstrap resamples
LEVEL = 0.95


def share(hits) -> dict:
    """Right, of, share, and the exact binomial (Clopper-Pearson) 95 % interval."""
    right, of = int(np.sum(hits)), len(hits)
    low, high = (
        binomtest(right, of).proportion_ci(LEVEL, method="exact") if of else (np.nan, np.nan)
    )
    return {
        "right": right,
        "of": of,
        "value": right / of if of else np.nan,
        "low": low,
        "high": high,
    }


def mean_of(values, groups, seed: int = 0) -> pd.Series:
    """The mean over images with its interval from resampled patients; nan counts for nothing."""
    values, groups = np.asarray(values, float), np.asarray(groups)
    known = ~np.isnan(values)
    if not known.any():
        return pd.Series({"value": np.nan, "low": np.nan, "high": np.nan})
    names, member = np.unique(groups[known], return_inverse=True)
    drawn = resamples(len(names), seed)[:, member]
    draws = drawn @ values[known] / drawn.sum(1)
    row = with_exact_bound(values[known].mean(), draws, len(names))
    return pd.Series(row, index=["value", "low", "high"])


@lru_cache(maxsize=1)  # tables ask for the same patients again and again
def resamples(count: int, seed: int) -> np.ndarray:
    """How often each patient is drawn, in each resample; shared, so not to be written to."""
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), DRAWS)
    weights.setflags(write=False)
    return weights


def quantiles(draws: np.ndarray) -> tuple[float, float]:
    low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def with_exact_bound(value, draws: np.ndarray, patients: int) -> tuple[float, float, float]:
    """At 0 or 1 every resample agrees; the honest bound is then the binomial one of n patients."""
    value = float(value)
    low, high = quantiles(draws) if np.isfinite(value) else (np.nan, np.nan)
    if value == 0:
        high = max(high, largest_unseen_share(patients))
    if value == 1:
        low = min(low, 1 - largest_unseen_share(patients))
    return value, low, high


def largest_unseen_share(patients: int) -> float:
    """The largest share that so many patients could miss altogether (exact binomial bound)."""
    return 1 - ((1 - LEVEL) / 2) ** (1 / patients)
