"""Test-time attacks: (model, images, labels) -> images that the model gets wrong.

Every attack is a small frozen dataclass, so its settings print, compare and serialise
by themselves. Images live in [0, 1]; models normalise on their own.
"""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from utils.attacks.losses import OVER_THE_BOUNDARY, cross_entropy, loss_named, margin
from utils.attacks.norms import norm_named
from utils.run import autocast

Region = Callable[[nn.Module, Tensor, Tensor], Tensor]  # see regions and gradcam
ROUNDING = 0.02  # of the largest logit: what bfloat16 may be off by at the end of a network


@dataclass(frozen=True)
class PGD:
    """Climb the loss in small steps inside a ball around the image (Madry 2018)."""

    epsilon: float = 8 / 255
    steps: int = 20
    step: float | None = None  # None: 2.5 * epsilon / steps, enough to cross the ball
    norm: str = "linf"  # or "l2"
    random_start: bool = True
    target: int | None = None  # a class to reach, instead of one to leave
    gain: str = "cross_entropy"  # what grows, or shrinks where there is a target: see gains
    momentum: float = 0.0  # share of the former direction that is kept
    stop_when_fooled: bool = False  # same verdict, far less work
    precision: str = "float32"  # of the forward passes; "auto" is quicker, to train with
    where: Region | None = None  # the pixels that may change; None: all

    def __post_init__(self):
        norm_named(self.norm), loss_named(self.gain)
        if self.epsilon < 0 or self.steps < 1:
            raise ValueError(f"needs epsilon >= 0 and steps >= 1, got {self!r}")
        if self.gain not in OVER_THE_BOUNDARY and (
            self.stop_when_fooled or self.target is not None
        ):
            raise ValueError(
                f"{self.gain!r} crosses no boundary between classes: no target, no stop"
            )

    @property
    def step_size(self) -> float:
        return 2.5 * self.epsilon / self.steps if self.step is None else self.step

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        goal = labels if self.target is None else torch.full_like(labels, self.target)
        with eval_mode(model), autocast(images.device, self.precision):  # not the caller's
            mask = torch.ones_like(images[:, :1])
            if self.where is not None:
                mask = self.where(model, images, labels)
            return self._climb(model, images, goal, mask)

    def _climb(self, model: nn.Module, images: Tensor, goal: Tensor, mask: Tensor) -> Tensor:
        norm = norm_named(self.norm)
        found, active = images.clone(), torch.arange(len(images), device=images.device)
        kept = torch.zeros_like(images)  # of the directions before
        if self.random_start:
            found = (images + mask * norm.start(images, self.epsilon)).clamp(0, 1)
        for _ in range(self.steps):
            if not len(active):
                break
            logits, uphill = self._gradient(model, found[active], goal[active])
            if self.stop_when_fooled:
                going = ~self._fooled(logits, goal[active])
                active, uphill = active[going], uphill[going]
            if self.momentum:
                size = uphill.abs().flatten(1).mean(1).clamp_min(1e-12).view(-1, 1, 1, 1)
                uphill = kept[active] = self.momentum * kept[active] + uphill / size
            step = self.step_size * norm.direction(mask[active] * uphill)
            moved = found[active] + step - images[active]
            found[active] = (images[active] + norm.project(moved, self.epsilon)).clamp(0, 1)
        return found

    def _gradient(self, model: nn.Module, images: Tensor, goal: Tensor) -> tuple[Tensor, Tensor]:
        """The logits, and the direction in which the attacker gains."""
        wanted = loss_named(self.gain)
        logits, _, uphill = loss_and_gradient(model, images, lambda said: wanted(said, goal))
        return logits, uphill if self.target is None else -uphill

    def _fooled(self, logits: Tensor, goal: Tensor) -> Tensor:
        """Beyond the boundary, by more than the rounding of the precision could feign."""
        lead = margin(logits, goal) if self.target is None else -margin(logits, goal)
        slack = 0 if self.precision == "float32" else ROUNDING * logits.abs().max(1).values
        return lead > slack


def fgsm(epsilon: float = 8 / 255, **settings) -> PGD:
    """One step to the edge of the box (Goodfellow 2015)."""
    return PGD(epsilon, steps=1, step=epsilon, random_start=False, **settings)


def iterated_fgsm(epsilon: float = 8 / 255, steps: int = 10, **settings) -> PGD:
    """PGD that starts at the image itself (Kurakin 2017)."""
    return PGD(epsilon, steps, step=epsilon / steps, random_start=False, **settings)


def momentum_fgsm(epsilon: float = 8 / 255, steps: int = 10, momentum: float = 1.0) -> PGD:
    """Iterated FGSM that keeps its direction: what it finds fools other models too (Dong 2018)."""
    return PGD(epsilon, steps, step=epsilon / steps, random_start=False, momentum=momentum)


def loss_and_gradient(
    model: nn.Module, images: Tensor, gain: Callable
) -> tuple[Tensor, Tensor, Tensor]:
    """The logits, the gain of each image, and how it changes with each of its pixels.

    No weight gets a gradient.
    """
    pixels = images.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(pixels).float()
        gained = gain(logits)
        uphill = torch.autograd.grad(gained.sum(), pixels)[0]
    return logits.detach(), gained.detach(), uphill


def input_gradient(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """How the loss of each image changes with each of its pixels."""
    return loss_and_gradient(model, images, lambda logits: cross_entropy(logits, labels))[2]


@contextmanager
def eval_mode(model: nn.Module):
    """Evaluation mode inside, each part's former mode after: batch norm must not learn here."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
