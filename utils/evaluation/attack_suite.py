"""The questions put to every model under attack by gradients, always the same."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from torch import nn

from utils.attacks.pgd import PGD, fgsm
from utils.attacks.random_noise import RandomSigns
from utils.data.split import Split
from utils.evaluation.predict import Attack, predict, predict_all
from utils.evaluation.predictions import Predictions
from utils.run import progress


@dataclass(frozen=True)
class AttackSuite:
    """Clean images, noise as a control, one step and many at several sizes, and restarts.

    The sizes are these factors of the epsilon of `attack`.
    """

    attack: PGD
    restarts: int = 1
    factors: tuple[float, ...] = (0.5, 1, 2)

    def __post_init__(self):
        if 1 not in self.factors:
            raise ValueError(f"the epsilon of the attack itself is always asked, got {self!r}")
        if self.attack.norm != "linf" or self.attack.target is not None:
            raise ValueError(
                f"the battery's controls are those of untargeted linf attacks, got {self.attack!r}"
            )

    @property
    def sizes(self) -> tuple[float, ...]:
        return tuple(factor * self.attack.epsilon for factor in self.factors)

    @property
    def conditions(self) -> dict[str, Attack | None]:
        """What to ask `predict_all`."""
        return {
            "clean": None,
            self.name("noise"): RandomSigns(self.attack.epsilon),
            **{self.name("fgsm", size): self._one_step(size) for size in self.sizes},
            **{self.name("pgd", size): replace(self.attack, epsilon=size) for size in self.sizes},
        }

    def _one_step(self, size: float) -> PGD:
        return fgsm(size, precision=self.attack.precision)

    def ask(self, model: nn.Module, split: Split) -> dict[str, Predictions]:
        """The answers under every condition, and after restarts against whoever is left."""
        answers = predict_all(model, split, self.conditions)
        strongest = answers[self.name("pgd")]
        for seed in progress(range(1, self.restarts + 1), "restarts"):
            strongest = predict(model, split, self.attack, seed=seed, after=strongest)
        return {**answers, self.strongest: strongest}

    @property
    def strongest(self) -> str:
        return f"{self.name('pgd')}_restarts"

    def name(self, kind: str, size: float | None = None) -> str:
        """The name of a condition: its kind and its size in 255ths."""
        return f"{kind}_{255 * (self.attack.epsilon if size is None else size):g}"

    def curve(self, answers: dict[str, Predictions], kind: str) -> dict[float, Predictions]:
        """The answers to one kind by the sizes that were asked; size 0 is clean."""
        asked = [size for size in self.sizes if self.name(kind, size) in answers]
        return {0.0: answers["clean"]} | {size: answers[self.name(kind, size)] for size in asked}

    @property
    def headline(self) -> list[str]:
        """The conditions of the summary: all at the epsilon of the attack."""
        kinds = [self.name(kind) for kind in ("noise", "fgsm", "pgd")]
        return ["clean", *kinds, self.strongest]


def ordered_conditions(conditions: Iterable[str]) -> list[str]:
    """Names of conditions, each once: clean, noise, then kind by kind and by growing size."""
    names = list(dict.fromkeys(conditions))
    parts = {
        name: re.fullmatch(r"(.*?)(?:_(\d+(?:\.\d+)?)(_.*)?)?", name).groups() for name in names
    }
    kinds = list(dict.fromkeys(["clean", "noise", *(kind for kind, _, _ in parts.values())]))
    places = {
        name: (kinds.index(kind), float(size or 0), rest or "")
        for name, (kind, size, rest) in parts.items()
    }
    return sorted(names, key=places.__getitem__)


def strongest_of(conditions: Iterable[str]) -> str | None:
    """The condition by which robustness is judged: worst case, else restarts, else the last attack.

    Clean images and noise, the control, are no attack; of a run with no other there is none.
    """
    attacks = [name for name in conditions if name.partition("_")[0] not in ("clean", "noise")]
    worst = [name for name in attacks if name.startswith("worst")]
    restarts = [name for name in attacks if name.endswith("_restarts")]
    return (worst or restarts or attacks or [None])[-1]
