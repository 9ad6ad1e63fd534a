"""Under which condition a model is evaluated: clean, with random noise, or under an attack."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import total_ordering
from typing import TypeVar

# Conditions without an attack, in the order in which tables show them.
CONTROLS = ("clean", "noise", "noise l2", "uniform noise", "Gaussian noise")
WORST_CASE = "worst case"
GREY_LEVELS = 255
T = TypeVar("T")


@total_ordering
@dataclass(frozen=True)
class Condition:
    """One row of a table of results. What has no size, such as "tampered", has a name alone.

    Sorted: clean, the controls with noise, then the attacks by name, size and restarts.
    """

    attack: str
    epsilon: float | None = None  # in [0, 1], like the images; shown in grey levels of 255
    restarts: int = 0

    def __post_init__(self):
        if not self.attack or self.restarts < 0 or (self.epsilon is not None and self.epsilon < 0):
            raise ValueError(f"needs a name, epsilon >= 0 and restarts >= 0, got {self!r}")
        if self.epsilon is not None:  # so that 0.1 * 40 / 255 and 4 / 255 are the same condition
            size = round(GREY_LEVELS * self.epsilon, 4) / GREY_LEVELS
            object.__setattr__(self, "epsilon", size)

    def __str__(self) -> str:
        size = "" if self.epsilon is None else f" {GREY_LEVELS * self.epsilon:.6g}"
        again = "s" * (self.restarts > 1)
        return f"{self.attack}{size}" + f", {self.restarts} restart{again}" * (self.restarts > 0)

    def __lt__(self, other: "Condition") -> bool:
        return self._place < other._place

    @property
    def is_attack(self) -> bool:
        return self.attack not in CONTROLS

    @property
    def _place(self) -> tuple:
        rank = CONTROLS.index(self.attack) if self.attack in CONTROLS else len(CONTROLS)
        return rank, self.attack, self.epsilon or 0.0, self.epsilon is not None, self.restarts


CLEAN = Condition("clean")


def as_condition(name: Condition | str) -> Condition:
    """A condition; plain text is the name of one without a size."""
    return name if isinstance(name, Condition) else Condition(name)


def by_condition(found: Mapping[Condition | str, T]) -> dict[Condition, T]:
    """The same mapping, with conditions where there were names."""
    return {as_condition(name): value for name, value in found.items()}


def strongest_of(conditions: Iterable[Condition | str]) -> Condition | None:
    """The condition by which robustness is judged: the worst case, else the most restarts,
    else the last attack. None without an attack: clean images and noise are controls.
    """
    attacks = [condition for condition in map(as_condition, conditions) if condition.is_attack]
    return max(reversed(attacks), key=lambda c: (c.attack == WORST_CASE, c.restarts), default=None)
