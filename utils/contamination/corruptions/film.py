"""Corruptions of X-ray films: photons, exposure, scatter, grid, collimator.

A film shows the logarithm of the photons that arrive. White is where the body lets few of them
through, so white is where a film is noisy.
"""

import math
from dataclasses import dataclass

import torch
from scipy.ndimage import gaussian_filter
from torch import Generator, Tensor

from utils.contamination.corruptions.base import Corruption, signs, uniform

OPACITY = 4.0  # the path behind a white pixel: one photon in 55 arrives
MIN_PHOTONS = 0.5  # photons: the logarithm of none would be infinite
SPREAD = 0.12  # of scattered photons, a share of the width
LINES = (14, 40)  # of the grid that a reader of the plate has turned into coarse stripes
PENUMBRA, BLACK = 0.012, 0.02  # of the collimator


@dataclass(frozen=True)
class QuantumNoise(Corruption):
    """Few photons; the level is how many arrive in a pixel where nothing absorbs them."""

    span = (50_000, 5)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        counted = torch.poisson(self.level * torch.exp(-OPACITY * pixels), rng)
        return torch.log(self.level / counted.clamp_min(MIN_PHOTONS)) / OPACITY


@dataclass(frozen=True)
class Exposure(Corruption):
    """Too many photons or too few: all paths look shorter or longer by the level."""

    span = (0.01, 0.95)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        return pixels + self.level * signs(pixels, rng)


@dataclass(frozen=True)
class Scatter(Corruption):
    """Photons from all around veil the image; the level is how many for each straight one."""

    span = (0.02, 30)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        beam = torch.exp(-OPACITY * pixels)
        wide = gaussian_filter(beam.numpy(), SPREAD * pixels.shape[-1], axes=(2, 3), truncate=3)
        return -torch.log((beam + self.level * torch.from_numpy(wide)) / (1 + self.level)) / OPACITY


@dataclass(frozen=True)
class GridLines(Corruption):
    """Stripes of the grid that keeps scattered photons out; the level is their amplitude."""

    span = (0.005, 0.6)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        place = torch.arange(pixels.shape[-1]) / pixels.shape[-1]
        lines, phase = uniform(pixels, *LINES, rng), uniform(pixels, 0, 2 * math.pi, rng)
        return pixels + self.level * torch.sin(2 * math.pi * lines * place + phase)


@dataclass(frozen=True)
class Collimation(Corruption):
    """The beam is closed at two opposite sides; the level is the share of each."""

    span = (0.01, 0.48)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        edges = pixels.shape[2:]
        beams = [_beam(edge, self.level) for edge in edges]
        upright = signs(pixels, rng) > 0
        beam = torch.where(upright, beams[0][:, None].expand(edges), beams[1].expand(edges))
        return BLACK + beam * (pixels - BLACK)


def _beam(edge: int, border: float) -> Tensor:
    """1 in the middle of a line, 0 within `border` of its ends."""
    along = (torch.arange(edge) + 0.5) / edge
    return torch.sigmoid((torch.minimum(along, 1 - along) - border) / PENUMBRA)
