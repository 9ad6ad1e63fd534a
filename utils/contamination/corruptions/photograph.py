"""Corruptions of photographs and of microscopy: sensor, colour, reflections, stain."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from utils.contamination.corruptions.base import Corruption

LINEAR = 2.2  # the power that turns stored grey levels into light
SPOTS = 10


@dataclass(frozen=True)
class SensorNoise(Corruption):
    """Few photons on the sensor of a camera; the level is how many make white."""

    span = (20_000, 2)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        counted = torch.poisson(self.level * pixels**LINEAR, rng)
        return (counted / self.level) ** (1 / LINEAR)


@dataclass(frozen=True)
class WhiteBalance(Corruption):
    """The light has another colour: a gain for each channel; the level is its logarithm."""

    span = (0.02, 3)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        return pixels * torch.exp(self.level * _colours(pixels, rng))


@dataclass(frozen=True)
class Stain(Corruption):
    """More or less of a dye: the optical density of each channel is multiplied."""

    span = (0.02, 3)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        return pixels.clamp_min(1 / 255) ** torch.exp(self.level * _colours(pixels, rng))


@dataclass(frozen=True)
class SpecularSpots(Corruption):
    """Wet tissue reflects the lamp: white spots; the level is their radius, of the width."""

    span = (0.003, 0.25)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        down, right = ((torch.arange(edge) + 0.5) / edge for edge in pixels.shape[2:])
        clear = torch.ones(len(pixels), 1, *pixels.shape[2:])
        for _ in range(SPOTS):
            y, x = torch.rand(2, len(pixels), 1, 1, 1, generator=rng)
            away = (down[:, None] - y).square() + (right - x).square()
            clear *= 1 - torch.exp(-away / (2 * self.level**2))
        return 1 - clear * (1 - pixels)


def _colours(pixels: Tensor, rng: Generator) -> Tensor:
    """A direction in colour for each image, of length one; all channels alike is none of them."""
    if pixels.shape[1] < 2:
        raise ValueError(f"images of {pixels.shape[1]} channel have no colour to change")
    drawn = torch.randn(len(pixels), pixels.shape[1], 1, 1, generator=rng)
    drawn = drawn - drawn.mean(1, keepdim=True)
    return drawn / drawn.norm(dim=1, keepdim=True)
