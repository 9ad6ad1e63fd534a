"""The lowest accuracy an attacker can reach: APGD, and chains of different attacks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from utils.attacks.base import Attack, eval_mode, norm_of, with_epsilon
from utils.attacks.black_box import Square
from utils.attacks.losses import CLASS_LOSSES, LOSSES, Loss, margin
from utils.attacks.norms import L2, LInf, check_epsilon, norm_named
from utils.attacks.pgd import loss_and_gradient

EVERY_CLASS = "every class"
MIN_PROGRESS = 0.75  # share of the steps that must raise the loss, or the next are half as long
NEW_DIRECTION = 0.75  # weight of the new step; the rest continues the last one


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

    def __post_init__(self):
        check_epsilon(self.epsilon, self.norm)
        known = (*CLASS_LOSSES, EVERY_CLASS)
        if self.loss not in known:
            raise ValueError(f"unknown loss {self.loss!r}; choose from {', '.join(known)}")
        if self.steps < 1:
            raise ValueError(f"needs steps >= 1, got {self!r}")

    @property
    def reach(self) -> float:
        return 2 * self.epsilon  # the first step alone

    def more_steps(self) -> "APGD":
        """Twice the steps."""
        return replace(self, steps=2 * self.steps)

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        attacked = images.clone()
        with eval_mode(model), torch.autocast(images.device.type, enabled=False):
            for target in self._targets(model, images, labels):
                left = survivors(model, attacked, labels)
                if len(left):
                    own = None if target is None else target[left]
                    attacked[left] = self._climb(model, images[left], labels[left], own)
        return attacked

    def _targets(self, model: nn.Module, images: Tensor, labels: Tensor) -> Iterator[Tensor | None]:
        """The class to climb towards, one tensor per run; None: whichever is easiest."""
        if self.loss != EVERY_CLASS:
            yield None
        elif len(images):
            with torch.no_grad():
                logits = model(images).scatter(1, labels[:, None], -torch.inf)
            yield from logits.argsort(1, descending=True)[:, :-1].T

    def _loss(self, labels: Tensor, target: Tensor | None) -> Loss:
        if target is None:
            return lambda logits: LOSSES[self.loss](logits, labels)
        pair = torch.stack([target, labels])
        return lambda logits: torch.sub(*logits.gather(1, pair.T).T)

    def _climb(
        self, model: nn.Module, images: Tensor, labels: Tensor, target: Tensor | None
    ) -> Tensor:
        """The best point of each path; of an image that fools the model, the point where it did."""
        norm, checks = norm_named(self.norm), checkpoints(self.steps)
        path = _Path(images, (images + norm.start(images, self.epsilon)).clamp(0, 1), self.epsilon)
        attacked, rows = path.here.clone(), torch.arange(len(images), device=images.device)
        for step in range(self.steps + 1):
            loss = self._loss(labels[rows], None if target is None else target[rows])
            logits = path.arrive(*loss_and_gradient(model, path.here, loss))
            fooled = margin(logits, labels[rows]) > 0
            attacked[rows] = torch.where(fooled.view(-1, 1, 1, 1), path.here, path.best)
            rows = rows[~fooled]
            path.keep(~fooled)
            if not len(rows):
                break
            if step in checks:
                path.check(step - checks[step])
            path.move(norm, self.epsilon)
        return attacked


class _Path:
    """Where each image of a batch is on its way, and how its loss has changed so far."""

    def __init__(self, images: Tensor, start: Tensor, epsilon: float):
        self.images, self.here, self.before, self.best = images, start, start, start
        self.best_loss = self.checked_loss = images.new_full((len(images),), -torch.inf)
        self.loss = -self.best_loss  # before the first step nothing has risen
        self.gradient = self.best_gradient = torch.zeros_like(images)
        self.length = images.new_full((len(images),), 2 * epsilon)
        self.rises = torch.zeros_like(self.loss)  # steps that raised the loss since the last check
        self.halved = torch.ones_like(self.loss, dtype=torch.bool)  # at the last check

    def keep(self, active: Tensor) -> None:
        vars(self).update({name: value[active] for name, value in vars(self).items()})

    def arrive(self, logits: Tensor, loss: Tensor, gradient: Tensor) -> Tensor:
        """Note what was found here."""
        better = loss > self.best_loss
        self.rises = self.rises + (loss > self.loss)
        self.best, self.best_gradient = (
            torch.where(better.view(-1, 1, 1, 1), new, old)
            for new, old in ((self.here, self.best), (gradient, self.best_gradient))
        )
        self.best_loss = torch.where(better, loss, self.best_loss)
        self.loss, self.gradient = loss, gradient
        return logits

    def check(self, since: int) -> None:
        """Where too few of the last steps gained, or none did: back to the best, half as far."""
        stuck = ~self.halved & (self.best_loss <= self.checked_loss)
        self.halved = (self.rises < MIN_PROGRESS * since) | stuck
        back = self.halved.view(-1, 1, 1, 1)
        self.here, self.before = (
            torch.where(back, self.best, place) for place in (self.here, self.before)
        )
        self.gradient = torch.where(back, self.best_gradient, self.gradient)
        self.loss = torch.where(self.halved, self.best_loss, self.loss)
        self.length = torch.where(self.halved, self.length / 2, self.length)
        self.checked_loss, self.rises = self.best_loss, torch.zeros_like(self.rises)

    def move(self, norm: type[LInf] | type[L2], epsilon: float) -> None:
        """A step along the gradient, mixed with the direction of the last one."""

        def inside(place: Tensor) -> Tensor:
            return (self.images + norm.project(place - self.images, epsilon)).clamp(0, 1)

        length = self.length.view(-1, 1, 1, 1)
        ahead = inside(self.here + length * norm.direction(self.gradient)) - self.here
        last = self.here - self.before
        mixed = self.here + NEW_DIRECTION * ahead + (1 - NEW_DIRECTION) * last
        self.before, self.here = self.here, inside(mixed)


def checkpoints(steps: int) -> dict[int, int]:
    """The steps after which a path is checked, each with the one before: rarely, then often."""
    before, now, found = 0, 22, {}  # percent of the steps
    while now <= 100:
        found[-(-now * steps // 100)] = -(-before * steps // 100)
        before, now = now, now + max(now - before - 3, 6)
    return found


def survivors(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """The rows of the images that the model still classifies correctly."""
    if not len(images):
        return labels.new_empty(0)
    with torch.no_grad():
        return torch.nonzero(margin(model(images).float(), labels) <= 0)[:, 0]


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

    def with_epsilon(self, epsilon: float) -> "WorstCase":
        return WorstCase(tuple(with_epsilon(attack, epsilon) for attack in self.attacks))

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        attacked = images.clone()
        with eval_mode(model):
            for attack in self.attacks:
                left = survivors(model, attacked, labels)
                if len(left):
                    attacked[left] = attack(model, images[left], labels[left])
        return attacked


def worst_case(
    epsilon: float = 8 / 255, steps: int = 100, queries: int = 1000, norm: str = "linf"
) -> WorstCase:
    """Two kinds of gradients, then queries, in case gradients mislead: the role of AutoAttack,
    for two classes or more."""
    by_gradient = (
        APGD(epsilon, steps, "cross_entropy", norm),
        APGD(epsilon, steps, "margin", norm),
        APGD(epsilon, steps, EVERY_CLASS, norm),
    )
    by_queries = (Square(epsilon, queries),) if norm == "linf" else ()
    return WorstCase(by_gradient + by_queries)
