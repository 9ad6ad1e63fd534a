"""Corruptions of MRI: what goes wrong in k-space, where a scanner measures.

A scanner measures the Fourier transform of a slice, line by line from top to bottom, and shows the
magnitude of its inverse.
"""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from utils.contamination.corruptions.base import Corruption, uniform
from utils.contamination.corruptions.planted_noise import MagnitudeNoise


@dataclass(frozen=True)
class Rician(Corruption):
    """Noise in both parts of a complex number whose length is shown: black turns grey."""

    span = (0.002, 0.6)
    noisy = MagnitudeNoise.noisy


@dataclass(frozen=True)
class Ghosting(Corruption):
    """The patient breathes during the measurement; the level is how far, of the height.

    A line that was measured at another place has another phase. What repeats every few lines
    appears again as ghosts, along one axis.
    """

    span = (0.0005, 0.15)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        height = pixels.shape[2]
        frequency = torch.fft.fftfreq(height).view(1, 1, -1, 1)  # of each line; measured in order
        breaths = uniform(pixels, height / 10, height / 3, rng).round()
        phase = uniform(pixels, 0, 2 * math.pi, rng)
        moved = self.level * height * torch.sin(2 * math.pi * breaths * frequency + phase)
        turned = torch.exp(-2j * math.pi * frequency * moved)
        return torch.fft.ifft2(torch.fft.fft2(pixels) * turned).abs()


@dataclass(frozen=True)
class Gibbs(Corruption):
    """The outer lines of k-space were left out, to save time: ripples along every edge.

    The level is the share of the lines and columns that is missing.
    """

    span = (0.05, 0.98)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        limit = 0.5 * (1 - self.level)
        kept = [torch.fft.fftfreq(edge).abs() <= limit for edge in pixels.shape[2:]]
        mask = kept[0][:, None] & kept[1]
        return torch.fft.ifft2(torch.fft.fft2(pixels) * mask).abs()


@dataclass(frozen=True)
class Spike(Corruption):
    """One point of k-space is wrong: stripes over the whole slice.

    The level is the height of the point, as a share of the highest, in the middle.
    """

    span = (0.005, 5)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        down, right = (torch.arange(edge) / edge for edge in pixels.shape[2:])
        cycles = uniform(pixels, 4, 30, rng).round(), uniform(pixels, -30, 30, rng).round()
        phase = cycles[0] * down[:, None] + cycles[1] * right + uniform(pixels, 0, 1, rng)
        wave = torch.exp(2j * math.pi * phase)
        return (pixels + self.level * pixels.mean((2, 3), keepdim=True) * wave).abs()
