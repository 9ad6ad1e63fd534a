"""Attacks that follow the gradient in small steps: PGD, FGSM and their relatives.

Every attack is a small frozen dataclass, so its settings print, compare and serialise
by themselves. Images live in [0, 1]; models normalise on their own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from utils.attacks.base import eval_mode, unless_reached
from utils.attacks.fused import fused
from utils.attacks.losses import (
    AttackLoss,
    LabelLoss,
    cross_entropy,
    loss_named,
    margin_named,
    success_margin,
)
from utils.attacks.norms import check_epsilon, norm_named
from utils.run import autocast

Region = Callable[[nn.Module, Tensor, Tensor], Tensor]  # see regions and saliency


@dataclass(frozen=True)
class PGD:
    """Climb the loss in small steps inside a ball around the image (Madry 2018)."""

    epsilon: float = 8 / 255
    steps: int = 20
    step: float | None = None  # None: 2.5 * epsilon / steps, enough to cross the ball
    norm: str = "linf"  # or "l2"
    random_start: bool = True
    target: int | None = None  # a class to reach, instead of one to leave; 0: no finding
    loss: str | LabelLoss = "cross_entropy"  # climbed, or descended to a target: see losses
    momentum: float = 0.0  # weight of the former directions
    stop_when_fooled: bool = False  # the same success rate for far less work
    precision: str = "float32"  # "auto" is quicker: fewer digits where the CPU or GPU has them,
    # and batch norm folded away; what it calls fooled is confirmed in float32
    region: Region | None = None  # the pixels that may change; None: all

    def __post_init__(self):
        check_epsilon(self.epsilon, self.norm), loss_named(self.loss)
        if self.steps < 1:
            raise ValueError(f"needs steps >= 1, got {self!r}")
        no_boundary = margin_named(self.loss) is None
        if no_boundary and (self.stop_when_fooled or self.target is not None):
            raise ValueError(
                f"{self.loss!r} crosses no boundary between classes: no target, no stop"
            )

    @property
    def step_size(self) -> float:
        return 2.5 * self.epsilon / self.steps if self.step is None else self.step

    @property
    def reach(self) -> float:
        return self.steps * self.step_size

    def with_epsilon(self, epsilon: float) -> "PGD":
        return replace(self, epsilon=epsilon, step=None)

    def more_steps(self) -> "PGD":
        """Twice the steps of the same length."""
        return replace(self, steps=2 * self.steps, step=self.step_size)

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        target = labels if self.target is None else torch.full_like(labels, self.target)
        with eval_mode(model), autocast(images.device, self.precision):  # not the caller's
            mask = torch.ones_like(images[:, :1])
            if self.region is not None:
                mask = self.region(model, images, labels)
            attacked = self._climb(model, images, target, mask)
        return unless_reached(model, images, attacked, self.target, labels)

    def _climb(self, model: nn.Module, images: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        norm = norm_named(self.norm)
        quick = model if self.precision == "float32" else fused(model, images)
        attacked, rows = images.clone(), torch.arange(len(images), device=images.device)
        velocity = torch.zeros_like(images)
        if self.random_start:
            attacked = (images + mask * norm.start(images, self.epsilon)).clamp(0, 1)
        for _ in range(self.steps):
            if not len(rows):
                break
            logits, gradient = self._gradient(quick, attacked[rows], target[rows])
            if self.stop_when_fooled:
                active = ~self._fooled(model, attacked[rows], logits, target[rows])
                rows, gradient = rows[active], gradient[active]
            if self.momentum:
                size = gradient.abs().flatten(1).mean(1).clamp_min(1e-12).view(-1, 1, 1, 1)
                gradient = velocity[rows] = self.momentum * velocity[rows] + gradient / size
            step = self.step_size * norm.direction(mask[rows] * gradient)
            change = attacked[rows] + step - images[rows]
            attacked[rows] = (images[rows] + norm.project(change, self.epsilon)).clamp(0, 1)
        return attacked

    def _gradient(self, model: nn.Module, images: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The logits, and the direction in which the attack gets stronger."""
        loss = loss_named(self.loss)
        logits, _, gradient = loss_and_gradient(model, images, lambda found: loss(found, target))
        return logits, gradient if self.target is None else -gradient

    def _fooled(self, model: nn.Module, images: Tensor, logits: Tensor, target: Tensor) -> Tensor:
        """Across the boundary; where a quicker copy found it, also by the model in float32."""
        fooled = self._crossed(logits, target)
        if self.precision != "float32" and fooled.any():
            with torch.no_grad(), autocast(images.device, "float32"):
                exact = model(images[fooled]).float()
            fooled[fooled.clone()] = self._crossed(exact, target[fooled])
        return fooled

    def _crossed(self, logits: Tensor, target: Tensor) -> Tensor:
        return success_margin(logits, target, self.target, margin_named(self.loss)) > 0


def fgsm(epsilon: float = 8 / 255, **settings) -> PGD:
    """One step to the edge of the box (Goodfellow 2015)."""
    return PGD(epsilon, steps=1, step=epsilon, random_start=False, **settings)


def iterated_fgsm(epsilon: float = 8 / 255, steps: int = 10, **settings) -> PGD:
    """PGD that starts at the image itself (Kurakin 2017)."""
    return PGD(epsilon, steps, step=epsilon / steps, random_start=False, **settings)


def momentum_fgsm(epsilon: float = 8 / 255, steps: int = 10, momentum: float = 1.0) -> PGD:
    """Iterated FGSM with momentum; its images fool other models too (Dong 2018)."""
    return PGD(epsilon, steps, step=epsilon / steps, random_start=False, momentum=momentum)


def loss_and_gradient(
    model: nn.Module, images: Tensor, loss: AttackLoss
) -> tuple[Tensor, Tensor, Tensor]:
    """The logits, the loss of each image, and its gradient with respect to the pixels.

    No weight gets a gradient.
    """
    pixels = images.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(pixels).float()
        losses = loss(logits)
        if not losses.requires_grad:
            raise ValueError(
                "the answers of this model have no gradient with respect to its images; "
                "attack it with Square or another black box"
            )
        gradient = torch.autograd.grad(losses.sum(), pixels)[0]
    return logits.detach(), losses.detach(), gradient


def input_gradient(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """How the loss of each image changes with each of its pixels."""
    return loss_and_gradient(model, images, lambda logits: cross_entropy(logits, labels))[2]
