"""The path of APGD: long steps at first, halved where they stop gaining."""

import torch
from torch import Tensor

from utils.attacks.norms import L2, LInf

MIN_PROGRESS = 0.75  # share of the steps that must raise the loss, or the next are half as long
NEW_DIRECTION = 0.75  # weight of the new step; the rest continues the last one


class Ascent:
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
