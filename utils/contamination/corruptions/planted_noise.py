"""Noise in the images of a Split, at their size: planted for a detector or an audit to find.

What a scanner, a moving patient or lossy compression does. Each family has five severities.
Lengths are shares of the image's width, so that a severity means the same at every size; only the
blocks of JPEG are always eight pixels wide.

Noise in the *file*, before the pipeline shrinks it, by modality and at severities that look alike,
is in the modules beside this one: what chapters, `examine` and `make real` show.
"""

import io
import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Generator, Tensor

from utils.contamination.base import Contamination
from utils.data.split import Split, to_float, to_levels, to_uint8
from utils.files import to_pillow

IMAGES_PER_BATCH = 256  # images in floating point


@dataclass(frozen=True)
class Noise(Contamination):
    """The images change, the labels stay."""

    kind: ClassVar[str] = "noise"
    levels: ClassVar[tuple[float, ...]]
    severity: int = 3  # from 1 to 5

    def __post_init__(self):
        super().__post_init__()
        if self.severity not in range(1, 6):
            raise ValueError(f"severity must be 1, 2, 3, 4 or 5; got {self.severity}")

    @property
    def level(self) -> float:
        return self.levels[self.severity - 1]

    def change(self, part: Split, chosen: Tensor, rng: Generator) -> Split:
        batches = part.images.split(IMAGES_PER_BATCH)
        noisy = [to_levels(self.noisy(to_float(b), rng), part.depth) for b in batches]
        return replace(part, images=torch.cat(noisy))

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        """Images in [0, 1] with the noise; values outside that range are clipped afterwards."""
        raise NotImplementedError


@dataclass(frozen=True)
class Gaussian(Noise):
    """Electronic noise: the same spread everywhere."""

    levels = (0.02, 0.04, 0.08, 0.12, 0.18)  # standard deviation

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        return pixels + self.level * _normal(pixels, rng)


@dataclass(frozen=True)
class MagnitudeNoise(Noise):
    """Noise of MRI, the length of a complex number: black turns grey."""

    levels = Gaussian.levels

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        real = pixels + self.level * _normal(pixels, rng)
        return torch.hypot(real, self.level * _normal(pixels, rng))


@dataclass(frozen=True)
class Poisson(Noise):
    """Too few photons: the spread grows with the root of the brightness."""

    levels = (1200, 300, 80, 35, 15)  # photons in a white pixel

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        return torch.poisson(pixels * self.level, rng) / self.level


@dataclass(frozen=True)
class SaltAndPepper(Noise):
    """Some pixels are lost: half of them turn white, half black."""

    levels = (0.01, 0.03, 0.06, 0.12, 0.2)  # share of the pixels

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        uniform = torch.rand(pixels[:, :1].shape, generator=rng)
        salted = pixels.masked_fill(uniform < self.level / 2, 1.0)
        return salted.masked_fill(uniform > 1 - self.level / 2, 0.0)


@dataclass(frozen=True)
class Blur(Noise):
    """Out of focus."""

    levels = (0.01, 0.015, 0.02, 0.03, 0.045)  # standard deviation, of the width

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        spread = self.level * pixels.shape[-1]
        return torch.from_numpy(gaussian_filter(pixels.numpy(), spread, axes=(2, 3)))


@dataclass(frozen=True)
class Jpeg(Noise):
    """Saved as a small file."""

    levels = (50, 30, 20, 12, 7)  # quality, of 100

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        return jpeg(pixels, self.level)


@dataclass(frozen=True)
class UnevenCoil(Noise):
    """An uneven coil: brightness drifts smoothly over the image (a cubic, as in MRI)."""

    levels = (0.1, 0.2, 0.35, 0.5, 0.8)  # logarithm of the strongest gain

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        y, x = (torch.linspace(-1, 1, edge) for edge in pixels.shape[2:])
        powers = [(i, j) for i in range(4) for j in range(4) if 0 < i + j < 4]
        terms = torch.stack([y[:, None] ** i * x**j for i, j in powers])
        weights = torch.randn(len(pixels), len(powers), generator=rng)
        field = torch.einsum("nt,thw->nhw", weights, terms)[:, None]
        field = field - field.mean((2, 3), keepdim=True)
        return pixels * torch.exp(self.level * field / field.abs().amax((2, 3), keepdim=True))


@dataclass(frozen=True)
class Motion(Noise):
    """The patient moves steadily in some direction during the exposure."""

    levels = (0.03, 0.06, 0.1, 0.15, 0.2)  # of the width

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        direction = 2 * math.pi * torch.rand(len(pixels), generator=rng)
        return motion_blur(pixels, direction, self.level)


def jpeg(pixels: Tensor, quality: int = 75) -> Tensor:
    """Images in [0, 1] as they are after saving them as JPEG.

    By Pillow: the function of torchvision gives the same, and is deprecated since 0.29.
    """
    saved = []
    for image in to_uint8(pixels):
        file = io.BytesIO()
        to_pillow(image).save(file, "JPEG", quality=quality)
        saved.append(np.atleast_3d(np.asarray(Image.open(file))))  # a grey file has no channels
    return to_float(torch.from_numpy(np.stack(saved)).permute(0, 3, 1, 2))


def motion_blur(pixels: Tensor, direction: Tensor, length: float) -> Tensor:
    """The mean of each image along a straight path of `length`, a share of the width."""
    copies = 2 * math.ceil(length * pixels.shape[-1]) + 1  # two per pixel of the path
    shift = torch.eye(2, 3).repeat(len(pixels), 1, 1)
    mean = torch.zeros_like(pixels)
    for place in torch.linspace(-length, length, copies):  # coordinates are two wide
        shift[:, :, 2] = place * torch.stack([direction.cos(), direction.sin()], 1)
        grid = F.affine_grid(shift, list(pixels.shape), align_corners=False)
        mean += F.grid_sample(pixels, grid, padding_mode="border", align_corners=False) / copies
    return mean


def _normal(pixels: Tensor, rng: Generator) -> Tensor:
    return torch.randn(pixels.shape, generator=rng)
