"""Numbers with 95 % intervals: resampled patients, and exact bounds."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

DRAWS = 2000  # bootstrap resamples
LEVEL = 0.95
TOO_FEW = "fewer than 3 trainings"  # instead of an interval


class Interval(NamedTuple):
    """A number with its 95 % interval; printed in percent, such as "85.0 (80.1 to 89.2)"."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return self.text()

    def text(self, scale: float = 100, digits: int = 1, instead: str = TOO_FEW) -> str:
        """The numbers times `scale`: 100 for shares as percent or points, 1 for other units.

        Where there is no interval, `instead` says why.
        """
        if np.isnan(self.value):
            return "undefined"
        if np.isnan(self.low):
            return f"{scale * self.value + 0.0:.{digits}f} ({instead})"
        shown = (round(scale * float(number), digits) + 0.0 for number in self)  # never -0
        return "{} ({} to {})".format(*(f"{number:.{digits}f}" for number in shown))


UNDEFINED = Interval(np.nan, np.nan, np.nan)


def interval_table(rows: Mapping[str, Interval]) -> pd.DataFrame:
    """A row for each number: value, low, high."""
    return pd.DataFrame(rows, index=list(Interval._fields)).T


def share(hits) -> dict:
    """Right, of, share, and the exact binomial (Clopper-Pearson) 95 % interval."""
    from scipy.stats import binomtest  # here: it takes longer to load than most intervals

    right, of = int(np.sum(hits)), len(hits)
    found = UNDEFINED
    if of:
        low, high = binomtest(right, of).proportion_ci(LEVEL, method="exact")
        found = Interval(right / of, float(low), float(high))
    return {"right": right, "of": of, **found._asdict()}


def mean_of(values, groups, seed: int = 0) -> Interval:
    """The mean over images with its interval from resampled patients; NaN values are left out."""
    values, groups = np.asarray(values, float), np.asarray(groups)
    known = ~np.isnan(values)
    if not known.any():
        return UNDEFINED
    names, member = np.unique(groups[known], return_inverse=True)
    drawn = resamples(len(names), seed)[:, member]
    draws = drawn @ values[known] / drawn.sum(1)
    return with_exact_bound(values[known].mean(), draws, len(names))


@lru_cache(maxsize=2)  # all scores of a table resample the same patients, or some of them
def resamples(count: int, seed: int) -> np.ndarray:
    """How often each patient is drawn, in each resample; shared, so read-only."""
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), DRAWS)
    weights.setflags(write=False)
    return weights


def quantiles(draws: np.ndarray) -> tuple[float, float]:
    """The ends of the 95 % interval of these resamples."""
    low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def around(value: float, draws: np.ndarray) -> Interval:
    """The interval of these resamples, stretched to the number where they leave it out."""
    value, (low, high) = float(value), quantiles(draws)
    return Interval(value, min(low, value), max(high, value))


def with_exact_bound(value: float, draws: np.ndarray, patients: int) -> Interval:
    """At 0 or 1 all resamples agree; the bound is then the exact binomial one for n patients."""
    value = float(value)
    low, high = quantiles(draws) if np.isfinite(value) else (np.nan, np.nan)
    if value == 0:
        high = max(high, largest_unseen_share(patients))
    if value == 1:
        low = min(low, 1 - largest_unseen_share(patients))
    return Interval(value, low, high)


def beyond_agreement(
    value: float, unseen: float, ends: tuple[float, float] = (-1.0, 1.0)
) -> Interval:
    """A difference that all patients show alike, and what it may be beyond this sample.

    A share `unseen` of all patients may show any other difference between the two ends.
    """
    least, most = ends
    return Interval(value, value - unseen * (value - least), value + unseen * (most - value))


def grouped_arm(influence: np.ndarray, groups, level: float = LEVEL) -> float:
    """Half the width of an interval over groups in closed form: there may be too many to resample.

    `influence` is by how much each image moves the number.
    """
    from scipy.stats import norm

    by_group = np.bincount(np.unique(groups, return_inverse=True)[1], influence)
    return float(norm.ppf((1 + level) / 2) * np.sqrt(np.square(by_group).sum()))


def largest_unseen_share(patients: int, level: float = LEVEL) -> float:
    """The largest share of which a sample of so many patients may contain none (exact bound)."""
    return 1 - ((1 - level) / 2) ** (1 / patients)
