"""Test-time attacks: (model, images, labels) -> images that the model gets wrong.

Every attack is a small frozen dataclass, so its settings print, compare and serialise
by themselves. Images live in [0, 1]; models normalise on their own.
"""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.run import autocast

Where = Callable[[nn.Module, Tensor, Tensor], Tensor]  # see regions
ROUNDING = 0.02  # of the largest logit: what bfloat16 may be off by at the end of a network


@dataclass(frozen=True)
class PGD:
    """Climb the loss in small steps inside a ball around the image (Madry 2018)."""

    epsilon: float = 8 / 255
    steps: int = 20
    step: float | None = None  # None: 2.5 * epsilon / steps, enough to cross the ball
    norm: str = "linf"  # or "l2"
    random_start: bool = True
    restarts: int = 1
    target: int | None = None  # a class to reach, instead of one to leave
    stop_when_fooled: bool = False  # same verdict, far less work
    precision: str = "float32"  # of the forward passes; "auto" is quicker, to train with
    where: Where | None = None  # the pixels that may change; None: all

    def __post_init__(self):
        if self.norm not in NORMS:
            raise ValueError(f"unknown norm {self.norm!r}; choose from {', '.join(NORMS)}")
        if self.epsilon < 0 or self.steps < 1 or self.restarts < 1:
            raise ValueError(f"needs epsilon >= 0, steps and restarts >= 1, got {self!r}")

    @property
    def step_size(self) -> float:
        return 2.5 * self.epsilon / self.steps if self.step is None else self.step

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        goal = labels if self.target is None else torch.full_like(labels, self.target)
        attacked = images.clone()
        active = torch.arange(len(images), device=images.device)
        with evaluating(model), autocast(images.device, self.precision):  # not the caller's
            mask = torch.ones_like(images[:, :1])
            if self.where is not None:
                mask = self.where(model, images, labels)
            for left in reversed(range(self.restarts)):
                attacked[active] = self._climb(model, images[active], goal[active], mask[active])
                if not left or not len(active):
                    break
                with torch.no_grad():
                    active = active[~self._fooled(model(attacked[active]), goal[active])]
        return attacked

    def _climb(self, model: nn.Module, images: Tensor, goal: Tensor, mask: Tensor) -> Tensor:
        norm = NORMS[self.norm]
        found, active = images.clone(), torch.arange(len(images), device=images.device)
        if self.random_start:
            found = (images + mask * norm.start(images, self.epsilon)).clamp(0, 1)
        for _ in range(self.steps):
            if not len(active):
                break
            logits, uphill = self._gradient(model, found[active], goal[active])
            if self.stop_when_fooled:
                going = ~self._fooled(logits, goal[active])
                active, uphill = active[going], uphill[going]
            step = self.step_size * norm.direction(mask[active] * uphill)
            moved = found[active] + step - images[active]
            found[active] = (images[active] + norm.project(moved, self.epsilon)).clamp(0, 1)
        return found

    def _gradient(self, model: nn.Module, images: Tensor, goal: Tensor) -> tuple[Tensor, Tensor]:
        """The logits, and the direction in which the attacker gains."""
        images = images.detach().requires_grad_()
        with torch.enable_grad():
            logits = model(images).float()
            gain = F.cross_entropy(logits, goal, reduction="sum")
            gradient = torch.autograd.grad(gain if self.target is None else -gain, images)[0]
        return logits.detach(), gradient

    def _fooled(self, logits: Tensor, goal: Tensor) -> Tensor:
        """Beyond the boundary, by more than the rounding of the precision could feign."""
        of_goal = logits.gather(1, goal[:, None])[:, 0]
        of_others = logits.scatter(1, goal[:, None], -torch.inf).max(1).values
        lead = of_others - of_goal if self.target is None else of_goal - of_others
        slack = 0 if self.precision == "float32" else ROUNDING * logits.abs().max(1).values
        return lead > slack


def fgsm(epsilon: float = 8 / 255, **settings) -> PGD:
    """One step to the edge of the box (Goodfellow 2015)."""
    return PGD(epsilon, steps=1, step=epsilon, random_start=False, **settings)


def iterated_fgsm(epsilon: float = 8 / 255, steps: int = 10, **settings) -> PGD:
    """PGD that starts at the image itself (Kurakin 2017)."""
    return PGD(epsilon, steps, step=epsilon / steps, random_start=False, **settings)


@dataclass(frozen=True)
class RandomSigns:
    """The control: every pixel moves by epsilon, up or down, without looking at the model."""

    epsilon: float = 8 / 255

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        signs = torch.empty_like(images).uniform_(-1, 1).sign()
        return (images + self.epsilon * signs).clamp(0, 1)


def input_gradient(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """How the loss of each image changes with each of its pixels; no weight gets a gradient."""
    pixels = images.detach().requires_grad_()
    with torch.enable_grad():
        loss = F.cross_entropy(model(pixels).float(), labels, reduction="sum")
        return torch.autograd.grad(loss, pixels)[0]


class LInf:
    """No pixel moves by more than epsilon."""

    @staticmethod
    def start(images: Tensor, epsilon: float) -> Tensor:
        return torch.empty_like(images).uniform_(-epsilon, epsilon)

    @staticmethod
    def direction(gradient: Tensor) -> Tensor:
        return gradient.sign()

    @staticmethod
    def project(change: Tensor, epsilon: float) -> Tensor:
        return change.clamp(-epsilon, epsilon)


class L2:
    """The root of the summed squares of all changes is at most epsilon."""

    @staticmethod
    def start(images: Tensor, epsilon: float) -> Tensor:
        noise = torch.empty_like(images).normal_()
        radius = torch.zeros(len(images), 1, 1, 1, device=images.device).uniform_(0, 1)
        return noise / _length(noise) * radius * epsilon

    @staticmethod
    def direction(gradient: Tensor) -> Tensor:
        return gradient / (_length(gradient) + 1e-10)

    @staticmethod
    def project(change: Tensor, epsilon: float) -> Tensor:
        return change * (epsilon / _length(change).clamp_min(1e-12)).clamp_max(1)


NORMS = {"linf": LInf, "l2": L2}


def _length(images: Tensor) -> Tensor:
    return images.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


@contextmanager
def evaluating(model: nn.Module):
    """Evaluation mode inside, each part's former mode after: batch norm must not learn here."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
