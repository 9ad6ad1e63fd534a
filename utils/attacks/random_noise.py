"""Controls: changes as large as an attack's that do not look at the model."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class RandomSigns:
    """The control: every pixel moves by epsilon, up or down, without looking at the model."""

    epsilon: float = 8 / 255

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        signs = torch.empty_like(images).uniform_(-1, 1).sign()
        return (images + self.epsilon * signs).clamp(0, 1)


@dataclass(frozen=True)
class RandomUniform:
    """Every pixel moves by anything up to epsilon: a random point in the attacker's own box."""

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
