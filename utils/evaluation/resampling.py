"""How far a score could have come out otherwise: other patients, and other trainings.

Everywhere below, `draws` are scores of (trainings, 1 + DRAWS): first the score itself, then the
score in each resample of the patients, the same resample for all trainings.

How often the intervals contain the truth is simulated by tests/benchmarks/coverage.py. They fall
short of 95 % where a class has so few patients that a sample may have none: its score is then one
over the other classes, and no resample holds what the sample lacks. So `few_patients` warns.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from utils.evaluation.intervals import (
    DRAWS,
    LEVEL,
    Interval,
    around,
    beyond_agreement,
    resamples,
)
from utils.evaluation.predictions import Predictions

FEWEST_TRAININGS = 3  # for a statement about a method
FEWEST_PATIENTS = 10  # of a class, for a score in which every class counts the same
ALPHA = 0.05  # probability of a false discovery in a family of comparisons
TINY = 1e-12  # what rounding leaves of a spread of zero
UPPER = (1 + LEVEL) / 2


class Spread(NamedTuple):
    """The standard error of the mean over trainings, and its degrees of freedom."""

    error: float
    freedom: float


def spread_of(draws: np.ndarray) -> Spread:
    """What other patients and other trainings would change (Satterthwaite 1946).

    The trainings differ by their weights, and by which patients they happen to get right. The
    resamples contain the latter as well; so it is taken out of them, to count once.
    """
    trainings, resampled = len(draws), draws[:, 1:]
    mean = resampled.mean(0)
    patients = float(np.nanvar(mean))
    if trainings == 1:
        return Spread(patients**0.5, np.inf)
    between = float(draws[:, 0].var(ddof=1)) / trainings
    in_both = float(np.nanvar(resampled - mean, axis=1).sum()) / (trainings - 1) / trainings
    total = max(0.0, patients - in_both) + between
    return Spread(total**0.5, (trainings - 1) * (total / between) ** 2 if between else np.inf)


def over_trainings(found: Interval, draws: np.ndarray) -> Interval:
    """The interval over patients, as wide as several trainings make it; never narrower."""
    if len(draws) == 1 or not np.isfinite(found.value):
        return found
    from scipy.stats import t  # here: one training needs none of it, and it takes long to load

    error, freedom = spread_of(draws)
    arm, patients = t.ppf(UPPER, freedom) * error, float(np.nanstd(draws[:, 1:].mean(0)))
    if patients < TINY:  # every patient agrees, and only the trainings differ
        low, high = found.value - arm, found.value + arm
        return Interval(found.value, min(found.low, low), max(found.high, high))
    more = max(0.0, arm / (t.ppf(UPPER, np.inf) * patients) - 1)
    low = found.low - more * (found.value - found.low)
    return Interval(found.value, low, found.high + more * (found.high - found.value))


@dataclass(frozen=True)
class Difference:
    """A difference between two sides with its interval; without one for methods of fewer than
    three trainings.

    Resamples of patients who all show the same difference say nothing about others; of those, a
    share up to `unseen` may show any other difference between the `ends`.
    """

    draws: np.ndarray
    of_methods: bool
    unseen: float = 0.0
    ends: tuple[float, float] = (-1.0, 1.0)

    @property
    def trainings(self) -> int:
        return len(self.draws)

    @cached_property
    def interval(self) -> Interval:
        value = float(self.draws[:, 0].mean())
        if not np.isfinite(value) or (self.of_methods and self.trainings < FEWEST_TRAININGS):
            return Interval(value, np.nan, np.nan)
        found = around(value, self.draws[:, 1:].mean(0))
        if self.is_alike:
            found = beyond_agreement(value, self.unseen, self.ends)
        return over_trainings(found, self.draws)

    @property
    def is_alike(self) -> bool:
        """Whether every patient shows the same difference."""
        return bool(np.ptp(self.draws[:, 1:].mean(0)) < TINY)

    def p_value(self, limit: float = 0.0) -> float:
        """Of lying on the other side of `limit`."""
        return p_value(self.interval, limit, spread_of(self.draws).freedom)


def p_value(found: Interval, limit: float = 0.0, freedom: float = np.inf) -> float:
    """The two-sided p-value of lying on the other side of `limit`; .05 where the interval ends."""
    from scipy.stats import t

    distance = found.value - limit
    arm = found.value - found.low if distance > 0 else found.high - found.value
    if not np.isfinite(arm):
        return np.nan
    if not distance or not arm:
        return float(not distance)
    return float(2 * t.sf(t.ppf(UPPER, freedom) * abs(distance) / arm, freedom))


def holm(p: np.ndarray) -> np.ndarray:
    """P-values after Holm's correction: at most 1 family in 20 has a false discovery.

    NaN is no test, and does not count in the family.
    """
    corrected, known = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])]
    steps = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1))
    corrected[order] = np.minimum(steps, 1)
    return corrected


def count_trainings(number: int) -> str:
    return "one training" if number == 1 else f"{number} trainings"


def resampled_confusions(
    trainings: list[Predictions], seed: int, by_class: bool = False
) -> np.ndarray:
    """Confusion matrices of (trainings, 1 + DRAWS): of all patients, then of each resample.

    `by_class` resamples within each class and adds one patient to it, half right and half wrong:
    a class of three patients, all right, could have had others. All trainings of all methods that
    are compared get the same resamples, since their patients are the same.
    """
    tables = np.stack([each.confusion_by_group() for each in trainings])
    if by_class:
        strata = tables[0].sum(-1).argmax(-1)  # the commonest class of each patient
        added = np.stack([_half_right(table, strata) for table in tables])
        rows, weights = np.concatenate([tables, added], 1), _within_classes(strata.tobytes(), seed)
    else:
        rows, weights = tables, resamples(tables.shape[1], seed)
    drawn = np.tensordot(weights, rows, (1, 1)).swapaxes(0, 1)
    return np.concatenate([tables.sum(1)[:, None], drawn], 1)


@lru_cache(maxsize=2)  # a test set, and the part of it that is attacked
def _within_classes(strata: bytes, seed: int) -> np.ndarray:
    """How often each patient is drawn, then how often each half of the one added per class."""
    member = np.frombuffer(strata, dtype=int)
    classes, rng = np.unique(member), np.random.default_rng(seed)
    drawn = np.zeros((DRAWS, len(member) + 2 * len(classes)), dtype=int)
    for place, label in enumerate(classes):
        own = np.flatnonzero(member == label)
        halves = len(member) + 2 * place + np.arange(2)
        chances = np.array([1.0] * len(own) + [0.5, 0.5]) / (len(own) + 1)
        drawn[:, [*own, *halves]] = rng.multinomial(len(own), chances, DRAWS)
    drawn.setflags(write=False)
    return drawn


def _half_right(table: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """For each class two patients of mean size: one all right, one wrong in all ways alike."""
    rows = []
    for label in np.unique(strata):
        images = table[strata == label].sum() / (strata == label).sum()
        right = np.zeros_like(table[0])
        right[label, label] = images
        wrong = np.zeros_like(table[0])
        wrong[label] = images / max(1, len(table[0]) - 1)
        wrong[label, label] = 0
        rows += [right, wrong]
    return np.stack(rows)


def few_patients(predictions: Predictions) -> str:
    """A warning for the tables: the classes of which too few patients are tested; else empty."""
    names = [
        name
        for label, name in enumerate(predictions.class_names)
        if len(np.unique(predictions.groups[predictions.has(label)])) < FEWEST_PATIENTS
    ]
    return f"fewer than {FEWEST_PATIENTS} patients of {', '.join(map(str, names))}" if names else ""
