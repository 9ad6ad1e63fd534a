"""Claims: declared before their data, and judged once by the interval of a difference."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from utils.evaluation.comparisons.differences import difference
from utils.evaluation.intervals import Interval
from utils.evaluation.predictions import Predictions
from utils.evaluation.resampling import (
    ALPHA,
    FEWEST_TRAININGS,
    TINY,
    count_trainings,
    holm,
    p_value,
    spread_of,
)

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"
DIRECTIONS = {
    "greater": "A exceeds B by more than the margin",
    "less": "A falls short of B by more than the margin",
    "equal": "A and B differ by less than the margin",
}
SUBJECTS = ("method", "network", "data")  # of data nothing is trained


@dataclass(frozen=True)
class Claim:
    """What a chapter is about to show: the pair, the metric, the direction and the margin.

    The difference is A minus B. A claim about a method needs at least three trainings, one about a
    network that was trained once needs that one, and one about data needs none.
    """

    name: str
    what: str  # the claim in a sentence
    metric: str  # a score of metrics.py; any name, if the interval is computed elsewhere
    A: str
    B: str
    direction: str = "greater"
    margin: float = 0.0  # a share, like the scores: .05 is 5 points
    about: str = "method"

    def __post_init__(self):
        for name, known in (("direction", DIRECTIONS), ("about", SUBJECTS)):
            if getattr(self, name) not in known:
                got = getattr(self, name)
                raise ValueError(f"unknown {name} {got!r}; choose from {', '.join(known)}")
        if self.margin < 0 or (self.direction == "equal" and not self.margin):
            raise ValueError(
                f"a margin is a share from 0, above 0 for 'equal', got {self.margin}; "
                "take the smallest difference that would matter"
            )

    def evaluate(
        self,
        a: Predictions | Interval,
        b: Predictions | float | None = None,
        trainings: int = 1,
        patients: int = 0,
        seed: int = 0,
    ) -> "ClaimResult":
        """The difference of predictions for the same images, or of A and a number such as chance.

        An interval of the difference can be given instead, with what it was measured on.
        """
        if isinstance(a, Interval):
            return ClaimResult(self, a, trainings, patients)
        if b is None:
            raise ValueError(f"{self.name!r} compares A with B; give predictions or a number for B")
        found = difference(b, a, self.metric, seed)
        patients, freedom = len(np.unique(a.groups)), spread_of(found.draws).freedom
        return ClaimResult(self, found.interval, found.trainings, patients, freedom)


@dataclass(frozen=True)
class ClaimResult:
    """A claim and the interval that judges it."""

    claim: Claim
    interval: Interval
    trainings: int
    patients: int
    freedom: float = np.inf  # degrees of freedom of the interval
    corrected: float | None = None  # the p-value among all claims of a chapter

    def __str__(self) -> str:
        claim, difference = self.claim, self.interval.text(instead="no interval")
        trained, tested = count_trainings(self.trainings), f"{self.patients} patients"
        counted = [trained] * (claim.about != "data") + [tested] * bool(self.patients)
        metric = claim.metric[:1].upper() + claim.metric[1:]
        return (
            f"{claim.name}: {claim.what} {metric}, {claim.A} minus {claim.B}: "
            f"{difference} points{'; ' * bool(counted)}{', '.join(counted)}. "
            f"Margin {100 * claim.margin:g}. The claim {self._verdict_in_words}."
        )

    @property
    def p(self) -> float:
        """Of lying on the other side of the nearest limit, whichever side that is.

        NaN for an interval without width, which no other sample has widened: it decides nothing.
        """
        if self.interval.high - self.interval.low < TINY:
            return np.nan
        return max(p_value(self.interval, limit, self.freedom) for limit in self._limits)

    @property
    def verdict(self) -> str:
        """By the whole interval: beyond the margin, on the other side of it, or neither."""
        p = self.p if self.corrected is None else self.corrected
        enough = self.trainings >= FEWEST_TRAININGS or self.claim.about != "method"
        if not enough or not p < ALPHA:
            return UNDECIDED
        return HOLDS if self._on_the_claimed_side else FAILS

    @property
    def row(self) -> dict:
        """The facts of the claim and its verdict, for the record of a run."""
        ends = {name: _plain(number) for name, number in self.interval._asdict().items()}
        counted = {"trainings": self.trainings, "patients": self.patients}
        return {**asdict(self.claim), **ends, **counted, "verdict": self.verdict}

    @property
    def _limits(self) -> tuple[float, ...]:
        """Between or beyond which A minus B is claimed to lie."""
        margin = self.claim.margin
        return {"greater": (margin,), "less": (-margin,), "equal": (-margin, margin)}[
            self.claim.direction
        ]

    @property
    def _on_the_claimed_side(self) -> bool:
        value, margin = self.interval.value, self.claim.margin
        sides = {"greater": value > margin, "less": value < -margin, "equal": abs(value) < margin}
        return sides[self.claim.direction]

    @property
    def _verdict_in_words(self) -> str:
        return f"is {UNDECIDED}" if self.verdict == UNDECIDED else self.verdict


def judge(findings: Sequence[ClaimResult]) -> list[ClaimResult]:
    """The findings of a chapter, judged together: Holm's correction over its declared claims."""
    corrected = holm(np.array([finding.p for finding in findings], float))
    return [
        finding if np.isnan(p) else replace(finding, corrected=float(p))
        for finding, p in zip(findings, corrected, strict=True)
    ]


def _plain(number: float) -> float | None:
    """JSON has no number that is none."""
    return None if np.isnan(number) else float(number)
