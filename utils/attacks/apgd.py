"""The lowest accuracy an attacker can reach: APGD, and chains of different attacks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from utils.attacks.apgd_path import Ascent, checkpoints
from utils.attacks.base import (
    Attack,
    eval_mode,
    norm_of,
    other_classes,
    survivors,
    target_of,
    with_epsilon,
)
from utils.attacks.black_box.square import Square
from utils.attacks.losses import CLASS_LOSSES, LOSSES, AttackLoss, lead_of, success_margin
from utils.attacks.minimal_norm import MinimalNorm
from utils.attacks.norms import check_epsilon, norm_named
from utils.attacks.pgd import loss_and_gradient

EVERY_CLASS = "every class"


@dataclass(frozen=True)
class APGD:
    """PGD that finds its own steps: long at first, halved where it stops gaining (Croce 2020).

    With the loss "every class" it climbs towards each other class in turn, the likeliest first.
    An image stays as it is once it fools the model.
    """

    epsilon: float = 8 / 255
    steps: int = 100
    loss: str = "cross_entropy"  # or "margin", or "every class"
    norm: str = "linf"  # or "l2"
    target: int | None = None  # a class to reach, instead of one to leave

    def __post_init__(self):
        check_epsilon(self.epsilon, self.norm)
        known = (*CLASS_LOSSES, EVERY_CLASS)
        if self.loss not in known:
            raise ValueError(f"unknown loss {self.loss!r}; choose from {', '.join(known)}")
        if self.steps < 1:
            raise ValueError(f"needs steps >= 1, got {self!r}")
        if self.loss == EVERY_CLASS and self.target is not None:
            raise ValueError(f"{EVERY_CLASS!r} allows no target; choose another loss, got {self!r}")

    @property
    def reach(self) -> float:
        return 2 * self.epsilon  # the first step alone

    def more_steps(self) -> "APGD":
        """Twice the steps."""
        return replace(self, steps=2 * self.steps)

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        attacked = images.clone()
        with eval_mode(model), torch.autocast(images.device.type, enabled=False):
            for rival in self._rivals(model, images, labels):
                left = survivors(model, attacked, labels, self.target)
                if len(left):
                    own = None if rival is None else rival[left]
                    attacked[left] = self._climb(model, images[left], labels[left], own)
        return attacked

    def _rivals(self, model: nn.Module, images: Tensor, labels: Tensor) -> Iterator[Tensor | None]:
        """The class to climb towards, one tensor per run; None: whichever is easiest."""
        if self.loss != EVERY_CLASS:
            yield None
        elif len(images):
            yield from other_classes(model, images, labels)

    def _loss(self, labels: Tensor, rival: Tensor | None) -> AttackLoss:
        if rival is not None:
            return lambda logits: lead_of(logits, rival, labels)
        if self.target is None:
            return lambda logits: LOSSES[self.loss](logits, labels)
        target = torch.full_like(labels, self.target)
        return lambda logits: -LOSSES[self.loss](logits, target)

    def _climb(
        self, model: nn.Module, images: Tensor, labels: Tensor, rival: Tensor | None
    ) -> Tensor:
        """The best point of each path; of an image that fools the model, the point where it did."""
        norm, checks = norm_named(self.norm), checkpoints(self.steps)
        path = Ascent(images, (images + norm.start(images, self.epsilon)).clamp(0, 1), self.epsilon)
        attacked, rows = path.here.clone(), torch.arange(len(images), device=images.device)
        for step in range(self.steps + 1):
            loss = self._loss(labels[rows], None if rival is None else rival[rows])
            logits = path.arrive(*loss_and_gradient(model, path.here, loss))
            fooled = success_margin(logits, labels[rows], self.target) > 0
            attacked[rows] = torch.where(fooled.view(-1, 1, 1, 1), path.here, path.best)
            rows = rows[~fooled]
            path.keep(~fooled)
            if not len(rows):
                break
            if step in checks:
                path.check(step - checks[step])
            path.move(norm, self.epsilon)
        return attacked


@dataclass(frozen=True)
class WorstCase:
    """One attack after the other, each on the images that survived the last: the worst of all.

    The same attack several times makes random restarts.
    """

    attacks: tuple[Attack, ...]

    @property
    def epsilon(self) -> float | None:
        sizes = [getattr(attack, "epsilon", None) for attack in self.attacks]
        return None if None in sizes else max(sizes, default=None)

    @property
    def norm(self) -> str:
        return norm_of(self.attacks[0]) if self.attacks else "linf"

    @property
    def target(self) -> int | None:
        return target_of(self.attacks[0]) if self.attacks else None

    def with_epsilon(self, epsilon: float) -> "WorstCase":
        return WorstCase(tuple(with_epsilon(attack, epsilon) for attack in self.attacks))

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        attacked = images.clone()
        with eval_mode(model), torch.autocast(images.device.type, enabled=False):
            for attack in self.attacks:
                left = survivors(model, attacked, labels, self.target)
                if len(left):
                    attacked[left] = attack(model, images[left], labels[left])
        return attacked


def worst_case_chain(
    epsilon: float = 8 / 255,
    steps: int = 100,
    queries: int = 1000,
    norm: str = "linf",
    target: int | None = None,
    minimal_norm: bool = False,
) -> WorstCase:
    """Two kinds of gradients, then queries, in case gradients mislead: the role of AutoAttack,
    for two classes or more.

    With `minimal_norm`, a search for the smallest change comes before the queries.
    """
    losses = CLASS_LOSSES if target is not None else (*CLASS_LOSSES, EVERY_CLASS)
    chain = [APGD(epsilon, steps, loss, norm, target) for loss in losses]
    if minimal_norm:
        chain.append(MinimalNorm(norm, steps, epsilon, target))
    if norm == "linf":
        chain.append(Square(epsilon, queries, target=target))
    return WorstCase(tuple(chain))
