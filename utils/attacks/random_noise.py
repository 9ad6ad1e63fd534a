"""Controls for attacks: random changes of the same size that ignore the model."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from utils.attacks.base import Attack, SizedAttack, norm_of
from utils.attacks.norms import L2
from utils.attacks.pgd import Region


def noise_of(attack: SizedAttack, epsilon: float) -> Attack:
    """The control of an attack: random noise of this size in the norm of the attack.

    One draw for each image is what such noise does on average, and an interval over patients
    covers the luck of the draw; the worst of many draws would be an attack, a blind search.
    """
    return RandomSigns(epsilon) if norm_of(attack) == "linf" else RandomDirection(epsilon)


@dataclass(frozen=True)
class RandomSigns:
    """The usual control: every pixel, or every one of a region, moves by epsilon, up or down at
    random."""

    epsilon: float = 8 / 255
    region: Region | None = None  # the pixels that may change; None: all

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        signs = torch.empty_like(images).uniform_(-1, 1).sign()
        if self.region is not None:
            signs = signs * self.region(model, images, labels)
        return (images + self.epsilon * signs).clamp(0, 1)


@dataclass(frozen=True)
class RandomDirection:
    """The control of l2 attacks: a change of length epsilon in a random direction."""

    epsilon: float

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        noise = torch.empty_like(images).normal_()
        return (images + self.epsilon * L2.direction(noise)).clamp(0, 1)


@dataclass(frozen=True)
class RandomUniform:
    """Every pixel moves by at most epsilon: a random point in the box of the attack."""

    epsilon: float = 8 / 255

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        noise = torch.empty_like(images).uniform_(-self.epsilon, self.epsilon)
        return (images + noise).clamp(0, 1)


@dataclass(frozen=True)
class RandomGaussian:
    """Noise whose standard deviation is epsilon, so that a third of the pixels leave the box.

    Its energy is that of an attack that moves every pixel to the edge.
    """

    epsilon: float = 8 / 255

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        noise = torch.empty_like(images).normal_(0, self.epsilon)
        return (images + noise).clamp(0, 1)
