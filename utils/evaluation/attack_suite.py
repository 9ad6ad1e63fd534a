"""The attacks that every model goes through, always the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from torch import nn

from utils.attacks.base import (
    Attack,
    SizedAttack,
    in_float32,
    name_of,
    norm_of,
    target_of,
    with_epsilon,
)
from utils.attacks.pgd import PGD, fgsm
from utils.attacks.random_noise import noise_of
from utils.data.split import Split
from utils.evaluation.comparisons.models import worse_of
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.inference import predict, predict_all
from utils.evaluation.predictions import Predictions
from utils.run import progress


@dataclass(frozen=True)
class AttackSuite:
    """Clean images, noise as a control, one step and the attack at several sizes, and restarts.

    The sizes are these factors of the epsilon of `attack`, which can be any attack with an
    epsilon. Restarts go on from the worst of all conditions up to that size, and attack the images
    that withstood them all, in float32 even where the attack itself rounds to be quicker. Without
    restarts the attack stands alone, made once more in float32 where it rounds.
    """

    attack: SizedAttack
    restarts: int = 1
    factors: tuple[float, ...] = (0.5, 1, 2)

    def __post_init__(self):
        if 1 not in self.factors:
            raise ValueError(f"the factors must contain 1, the attack itself, got {self.factors}")
        if getattr(self.attack, "epsilon", None) is None:
            raise ValueError(f"needs an attack with an epsilon, got {self.attack!r}")
        if target_of(self.attack) is not None:
            raise ValueError(
                f"the controls are those of untargeted attacks, got {self.attack!r}; "
                "give it no target"
            )

    @property
    def sizes(self) -> tuple[float, ...]:
        return tuple(factor * self.attack.epsilon for factor in self.factors)

    @property
    def conditions(self) -> dict[Condition, Attack | None]:
        """The attack of each condition, restarts aside: what `predict_all` takes."""
        return {
            CLEAN: None,
            self.noise: noise_of(self.attack, self.attack.epsilon),
            **{self.condition("fgsm", size): self._one_step(size) for size in self.sizes},
            **{self.condition(size=size): self._attack(size) for size in self.sizes},
        }

    def predict(
        self, model: nn.Module, split: Split, keep: Path | None = None
    ) -> dict[Condition, Predictions]:
        """The predictions under every condition, each on its own but the last: after the restarts
        an image counts as right only if no condition of at most this size turned it.

        With a folder `keep`, an evaluation that was stopped resumes at the batch it was at.
        """
        found = predict_all(model, split, self.conditions, keep=keep)
        strongest = self.worst_of(found) if self.restarts else found[self.condition()]
        restart = in_float32(self.attack)
        once_more = range(int(restart != self.attack))
        for seed in progress(range(1, self.restarts + 1) or once_more, "restarts"):
            strongest = predict(model, split, restart, seed=seed, after=strongest, keep=keep)
        return {**found, self.strongest: strongest}

    def worst_of(
        self, found: Mapping[Condition, Predictions], size: float | None = None
    ) -> Predictions:
        """The worst that any condition up to a size left of each image, clean and noise among them.

        Where several turned an image, the attack itself has the last word.
        """
        own = self.condition(size=size)
        tried = [found[each] for each in self.conditions if (each.epsilon or 0) <= own.epsilon]
        return reduce(worse_of, [*tried, found[own]], found[own])

    def condition(self, kind: str | None = None, size: float | None = None) -> Condition:
        """The condition of a kind of attack, such as "fgsm"; by default that of the attack itself.

        Without a size, that at the epsilon of the attack.
        """
        own, norm = name_of(self.attack), norm_of(self.attack)
        if kind not in (None, own) and norm != "linf":
            kind = f"{kind} {norm}"
        return Condition(kind or own, self.attack.epsilon if size is None else size)

    @property
    def noise(self) -> Condition:
        """The control: random noise of the same size."""
        return self.condition("noise")

    @property
    def strongest(self) -> Condition:
        return Condition(name_of(self.attack), self.attack.epsilon, self.restarts)

    @property
    def headline(self) -> list[Condition]:
        """The conditions of the summary: all at the epsilon of the attack."""
        kinds = [self.noise, self.condition("fgsm"), self.condition(), self.strongest]
        return list(dict.fromkeys([CLEAN, *kinds]))

    def curve(
        self, found: Mapping[Condition, Predictions], kind: str | None = None
    ) -> dict[float, Predictions]:
        """The predictions under one kind of attack by its sizes; size 0 is clean."""
        sizes = [size for size in self.sizes if self.condition(kind, size) in found]
        return {0.0: found[CLEAN]} | {size: found[self.condition(kind, size)] for size in sizes}

    def _one_step(self, size: float) -> PGD:
        precision = getattr(self.attack, "precision", "float32")
        return fgsm(size, norm=norm_of(self.attack), precision=precision)

    def _attack(self, size: float) -> Attack:
        return self.attack if size == self.attack.epsilon else with_epsilon(self.attack, size)
