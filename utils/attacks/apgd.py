"""How low can accuracy be pushed? Attacks that choose their own steps, and chains of attacks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from utils.attacks.black_box import Square
from utils.attacks.losses import LOSSES, OVER_THE_BOUNDARY, margin
from utils.attacks.norms import norm_named
from utils.attacks.pgd import eval_mode, loss_and_gradient

EVERY_CLASS = "every class"
MIN_PROGRESS = 0.75  # of the steps must gain, or the next are half as long
FRESH = 0.75  # share of the new direction; the rest goes on as before
Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class APGD:
    """PGD that finds its own steps: long at first, halved where it stops gaining (Croce 2020).

    With the gain "every class" it climbs towards each other class in turn, the likeliest first.
    An image that is fooled is left as it is then.
    """

    epsilon: float = 8 / 255
    steps: int = 100
    gain: str = "cross_entropy"  # or "margin", or "every class"
    norm: str = "linf"  # or "l2"

    def __post_init__(self):
        norm_named(self.norm)
        if self.gain not in (*OVER_THE_BOUNDARY, EVERY_CLASS):
            known = ", ".join((*OVER_THE_BOUNDARY, EVERY_CLASS))
            raise ValueError(f"unknown gain {self.gain!r}; choose from {known}")
        if self.epsilon < 0 or self.steps < 1:
            raise ValueError(f"needs epsilon >= 0 and steps >= 1, got {self!r}")

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        found = images.clone()
        with eval_mode(model), torch.autocast(images.device.type, enabled=False):
            for towards in self._aims(model, images, labels):
                left = survivors(model, found, labels)
                if len(left):
                    aim = None if towards is None else towards[left]
                    found[left] = self._climb(model, images[left], labels[left], aim)
        return found

    def _aims(self, model: nn.Module, images: Tensor, labels: Tensor) -> Iterator[Tensor | None]:
        """The class to climb towards, one tensor per run; None: whichever is easiest."""
        if self.gain != EVERY_CLASS:
            yield None
        elif len(images):
            with torch.no_grad():
                logits = model(images).scatter(1, labels[:, None], -torch.inf)
            yield from logits.argsort(1, descending=True)[:, :-1].T

    def _gain(self, labels: Tensor, aim: Tensor | None) -> Callable[[Tensor], Tensor]:
        if aim is None:
            return lambda logits: LOSSES[self.gain](logits, labels)
        pair = torch.stack([aim, labels])
        return lambda logits: torch.sub(*logits.gather(1, pair.T).T)

    def _climb(self, model: nn.Module, images: Tensor, labels: Tensor, aim) -> Tensor:
        """The best point of each path; of an image that is fooled, where it was fooled."""
        norm, checks = norm_named(self.norm), checkpoints(self.steps)
        path = _Path(images, (images + norm.start(images, self.epsilon)).clamp(0, 1), self.epsilon)
        found, active = path.here.clone(), torch.arange(len(images), device=images.device)
        for step in range(self.steps + 1):
            gain = self._gain(labels[active], None if aim is None else aim[active])
            logits = path.arrive(*loss_and_gradient(model, path.here, gain))
            fooled = margin(logits, labels[active]) > 0
            found[active] = torch.where(fooled.view(-1, 1, 1, 1), path.here, path.best)
            active = active[~fooled]
            path.keep(~fooled)
            if not len(active):
                break
            if step in checks:
                path.judge(step - checks[step])
            path.move(norm, self.epsilon)
        return found


class _Path:
    """Where each image of a batch stands on its way, and how it went so far."""

    def __init__(self, images: Tensor, start: Tensor, epsilon: float):
        self.images, self.here, self.before, self.best = images, start, start, start
        self.best_gain = self.judged_gain = images.new_full((len(images),), -torch.inf)
        self.gain = -self.best_gain  # before the first step nothing has risen
        self.uphill = self.best_uphill = torch.zeros_like(images)
        self.length = images.new_full((len(images),), 2 * epsilon)
        self.rises = torch.zeros_like(self.gain)  # steps with a gain since the last judgement
        self.halved = torch.ones_like(self.gain, dtype=torch.bool)  # at the last judgement

    def keep(self, going: Tensor) -> None:
        vars(self).update({name: value[going] for name, value in vars(self).items()})

    def arrive(self, logits: Tensor, gain: Tensor, uphill: Tensor) -> Tensor:
        """Note what was found here."""
        better = gain > self.best_gain
        self.rises = self.rises + (gain > self.gain)
        self.best, self.best_uphill = (
            torch.where(better.view(-1, 1, 1, 1), new, old)
            for new, old in ((self.here, self.best), (uphill, self.best_uphill))
        )
        self.best_gain = torch.where(better, gain, self.best_gain)
        self.gain, self.uphill = gain, uphill
        return logits

    def judge(self, since: int) -> None:
        """Where too few of the last steps gained, or nothing did: back to the best, half as far."""
        stuck = ~self.halved & (self.best_gain <= self.judged_gain)
        self.halved = (self.rises < MIN_PROGRESS * since) | stuck
        back = self.halved.view(-1, 1, 1, 1)
        self.here, self.before = (
            torch.where(back, self.best, place) for place in (self.here, self.before)
        )
        self.uphill = torch.where(back, self.best_uphill, self.uphill)
        self.gain = torch.where(self.halved, self.best_gain, self.gain)
        self.length = torch.where(self.halved, self.length / 2, self.length)
        self.judged_gain, self.rises = self.best_gain, torch.zeros_like(self.rises)

    def move(self, norm, epsilon: float) -> None:
        """A step uphill, mixed with the direction of the last one."""

        def inside(place: Tensor) -> Tensor:
            return (self.images + norm.project(place - self.images, epsilon)).clamp(0, 1)

        length = self.length.view(-1, 1, 1, 1)
        ahead = inside(self.here + length * norm.direction(self.uphill))
        mixed = self.here + FRESH * (ahead - self.here) + (1 - FRESH) * (self.here - self.before)
        self.before, self.here = self.here, inside(mixed)


def checkpoints(steps: int) -> dict[int, int]:
    """The steps after which a path is judged, each with the one before: rarely, then often."""
    before, now, found = 0, 22, {}  # percent of the steps
    while now <= 100:
        found[-(-now * steps // 100)] = -(-before * steps // 100)
        before, now = now, now + max(now - before - 3, 6)
    return found


def survivors(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """The numbers of the images that the model still gets right."""
    if not len(images):
        return labels.new_empty(0)
    with torch.no_grad():
        return torch.nonzero(margin(model(images).float(), labels) <= 0)[:, 0]


@dataclass(frozen=True)
class WorstCase:
    """One attack after the other, each on the images that are left: the lowest any can do.

    The same attack several times makes random restarts.
    """

    attacks: tuple[Attack, ...]

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        found = images.clone()
        with eval_mode(model):
            for attack in self.attacks:
                left = survivors(model, found, labels)
                if len(left):
                    found[left] = attack(model, images[left], labels[left])
        return found


def worst_case(
    epsilon: float = 8 / 255, steps: int = 100, queries: int = 1000, norm: str = "linf"
) -> WorstCase:
    """Gradients of two kinds, then queries, where gradients might mislead: the role of AutoAttack,
    for any number of classes from two."""
    by_gradient = (
        APGD(epsilon, steps, "cross_entropy", norm),
        APGD(epsilon, steps, "margin", norm),
        APGD(epsilon, steps, EVERY_CLASS, norm),
    )
    by_queries = (Square(epsilon, queries),) if norm == "linf" else ()
    return WorstCase(by_gradient + by_queries)
