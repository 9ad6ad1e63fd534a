"""The smallest change that changes a prediction, image by image."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import cos, inf, pi

import torch
from torch import Tensor, nn

from utils.attacks.base import eval_mode, other_classes, survivors
from utils.attacks.losses import AttackLoss, lead_of, success_margin
from utils.attacks.norms import L2, LInf, check_epsilon, norm_named
from utils.attacks.pgd import loss_and_gradient

BEYOND = 0.05  # of the distance to the image: how far past the boundary a step aims at first
JUST_BEYOND = 0.01  # and once a point past it is known, less and less
NEWTON_STEPS = 8  # until pixels that reach black or white are accounted for
HALVINGS = 11  # of the second half of the way from the image: a 4,000th of it is left
ROUNDING = 1e-6  # of the largest logit: a smaller lead is none


@dataclass(frozen=True)
class MinimalNorm:
    """Follows the class boundary to its point closest to the image, much as FAB (Croce 2020).

    Takes the model for linear around each point it visits, and goes where that linear model
    changes its prediction: in long steps at first, in ever shorter ones later. An image stays as
    it is where no change was found.
    """

    norm: str = "l2"  # or "linf"
    steps: int = 50  # gradients towards each other class
    epsilon: float | None = None  # a larger change counts as none; None: any size
    target: int | None = None  # a class to reach, instead of one to leave

    def __post_init__(self):
        check_epsilon(self.epsilon or 0, self.norm)
        if self.steps < 1:
            raise ValueError(f"needs steps >= 1, got {self!r}")

    @property
    def reach(self) -> float:
        return inf

    def more_steps(self) -> "MinimalNorm":
        """Twice the steps."""
        return replace(self, steps=2 * self.steps)

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return self._closest(model, images, labels)[0]

    def distances(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        """The size of the smallest change of each image: 0 where the model is wrong without any,
        inf where none was found."""
        return self._closest(model, images, labels)[1]

    def _closest(self, model: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        found, distances = images.clone(), torch.zeros_like(images[:, 0, 0, 0])
        with eval_mode(model), torch.autocast(images.device.type, enabled=False):
            rows = survivors(model, images, labels, self.target)
            if len(rows):
                found[rows], distances[rows] = self._search(model, images[rows], labels[rows])
        return found, distances

    def _search(self, model: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        norm = norm_named(self.norm)
        found, distances = images, torch.full_like(images[:, 0, 0, 0], inf)
        for loss in self._losses(model, images, labels):
            there, far = self._follow(model, images, labels, loss)
            found = torch.where(_each(far < distances), there, found)
            distances = torch.minimum(far, distances)
        found = self._shorten(model, images, labels, found)
        distances = torch.where(distances.isfinite(), norm.length(found - images), distances)
        if self.epsilon is not None:
            distances = distances.where(distances <= self.epsilon, inf)
        return torch.where(_each(distances.isfinite()), found, images), distances

    def _losses(self, model: nn.Module, images: Tensor, labels: Tensor) -> Iterator[AttackLoss]:
        """What is raised until it is above 0: the lead of one other class after the other."""
        if self.target is not None:
            yield lambda logits: success_margin(logits, labels, self.target)
            return
        for rival in other_classes(model, images, labels):
            yield lambda logits, rival=rival: lead_of(logits, rival, labels)

    def _follow(
        self, model: nn.Module, images: Tensor, labels: Tensor, loss: AttackLoss
    ) -> tuple[Tensor, Tensor]:
        """The closest point on the way that fools the model, and how far it is."""
        norm = norm_named(self.norm)
        here, best = images, (images, torch.full_like(images[:, 0, 0, 0], inf))
        for step in range(self.steps):
            logits, lead, slope = loss_and_gradient(model, here, loss)
            best = self._closer(images, labels, here, logits, *best)
            left = cos(pi / 2 * step / self.steps) ** 4  # from 1 to 0
            beyond = torch.where(best[1].isfinite(), left * JUST_BEYOND, BEYOND)
            here = _step(norm, images, here, lead, slope, left, beyond)
        with torch.no_grad():
            return self._closer(images, labels, here, model(here).float(), *best)

    def _closer(
        self,
        images: Tensor,
        labels: Tensor,
        here: Tensor,
        logits: Tensor,
        found: Tensor,
        distances: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """The closer of two points: the one found before, and this one if it fools the model."""
        far = norm_named(self.norm).length(here - images)
        closer = self._fools(logits, labels) & (far < distances)
        return torch.where(_each(closer), here, found), torch.where(closer, far, distances)

    def _fools(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Success that does not hang on the rounding of a forward pass."""
        return success_margin(logits, labels, self.target) > ROUNDING * logits.abs().amax(1)

    def _shorten(self, model: nn.Module, images: Tensor, labels: Tensor, found: Tensor) -> Tensor:
        """The points pulled back to the boundary, by predictions alone."""
        near, far = torch.full_like(images[:, 0, 0, 0], 0.5), torch.ones_like(images[:, 0, 0, 0])
        for _ in range(HALVINGS):
            middle = (near + far) / 2
            with torch.no_grad():
                logits = model(images + _each(middle) * (found - images)).float()
            fools = self._fools(logits, labels)
            near, far = torch.where(fools, near, middle), torch.where(fools, middle, far)
        return images + _each(far) * (found - images)


def _step(
    norm: type[LInf] | type[L2],
    images: Tensor,
    here: Tensor,
    lead: Tensor,
    slope: Tensor,
    left: float,
    beyond: Tensor,
) -> Tensor:
    """Onto the boundary of the linear model: at first where it is closest to the image, in the
    end where it is closest to the last point."""
    missing = -lead - (slope * (images - here)).flatten(1).sum(1)  # of the image itself
    beyond = beyond * missing.abs()
    places = torch.cat([images, here])  # in one go: of small images the calls take the time
    short = torch.cat([missing + beyond, beyond - lead])
    closest, there = _raise(norm, places, torch.cat([slope, slope]), short).chunk(2)
    return there + left * (closest - there)


def _raise(norm: type[LInf] | type[L2], places: Tensor, slope: Tensor, missing: Tensor) -> Tensor:
    """The smallest move that changes the loss by what is missing, if the model were linear.

    All pixels go in the direction of the norm until they are black or white. So the loss gains
    less and less, and Newton's steps approach the length of the move from below.
    """
    slope = slope * _each(missing.sign())
    direction, length = norm.direction(slope), torch.zeros_like(missing)
    there, brighter, climb = places, direction > 0, slope * direction
    for _ in range(NEWTON_STEPS):
        gained = (slope * (there.clamp(0, 1) - places)).flatten(1).sum(1)
        free = torch.where(brighter, there < 1, there > 0)
        rate = (climb * free).flatten(1).sum(1)
        length = length + (missing.abs() - gained).clamp_min(0) / rate.clamp_min(1e-12)
        there = places + _each(length) * direction
    return there.clamp(0, 1)


def _each(values: Tensor) -> Tensor:
    """One number per image, to be combined with images."""
    return values.view(-1, 1, 1, 1)
