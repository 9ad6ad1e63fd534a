"""Corruptions of every modality: optics, storage, grey levels, burnt-in text."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from utils.contamination.corruptions.base import Corruption, signs
from utils.contamination.corruptions.planted_noise import Blur, UnevenCoil, jpeg
from utils.data.phantoms.drawing import stamp

TEXTS = ("L", "R", "AP", "SUPINE", "PORTABLE", "1957-03-14")
TEXTS_PER_IMAGE = 8
WHITE = 0.95


@dataclass(frozen=True)
class Defocus(Corruption):
    """Out of focus; the level is a standard deviation, as a share of the width."""

    span = (0.001, 0.1)
    noisy = Blur.noisy


@dataclass(frozen=True)
class MotionBlur(Corruption):
    """The mean of the image along a straight path; the level is its length, of the width."""

    span = (0.006, 0.5)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        return line_blur(pixels, math.pi * torch.rand(len(pixels), generator=rng), self.level)


@dataclass(frozen=True)
class Compression(Corruption):
    """Saved as a small JPEG file; the level is its quality, of 100."""

    span = (95, 1)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        return jpeg(pixels, max(1, round(self.level)))


@dataclass(frozen=True)
class Resolution(Corruption):
    """Once saved smaller by this factor, and enlarged again."""

    span = (1.02, 20)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        size = pixels.shape[-2:]
        fewer = [max(1, round(edge / self.level)) for edge in size]
        small = F.interpolate(pixels, fewer, mode="bilinear", antialias=True)
        return F.interpolate(small, size, mode="bilinear")


@dataclass(frozen=True)
class Gamma(Corruption):
    """Another display curve: middle greys become darker or brighter, black and white stay."""

    span = (0.02, 3)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        return pixels ** torch.exp(self.level * signs(pixels, rng))


@dataclass(frozen=True)
class Contrast(Corruption):
    """A flat image: all grey levels move towards their mean; the level is a logarithm."""

    span = (0.02, 4)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        mean = pixels.mean((2, 3), keepdim=True)
        return mean + math.exp(-self.level) * (pixels - mean)


@dataclass(frozen=True)
class BiasField(Corruption):
    """Uneven light, or an uneven coil: a smooth gain; the level is its largest logarithm."""

    span = (0.02, 4)
    noisy = UnevenCoil.noisy


@dataclass(frozen=True)
class Markers(Corruption):
    """Letters burnt into the image, at random places; the level is their height, of the image."""

    span = (0.025, 0.5)

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        height = max(4, round(self.level * pixels.shape[-2]))
        written = pixels.clone()
        for image in written:
            for _ in range(TEXTS_PER_IMAGE):
                text, down, right = torch.rand(3, generator=rng).tolist()
                _print(image, stamp(TEXTS[int(text * len(TEXTS))], height), down, right)
        return written


def line_blur(pixels: Tensor, direction: Tensor, length: float) -> Tensor:
    """The mean of each image along a straight path of `length`, a share of the width.

    The mean over a line is a sinc in the Fourier domain; the border is repeated first.
    """
    path = length * pixels.shape[-1]  # pixels
    border = math.ceil(path / 2) + 1
    padded = F.pad(pixels, [border] * 4, mode="replicate")
    height, width = padded.shape[2:]
    down, right = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)
    along = direction.cos().view(-1, 1, 1) * right + direction.sin().view(-1, 1, 1) * down
    spectrum = torch.fft.rfft2(padded) * torch.sinc(path * along)[:, None]
    blurred = torch.fft.irfft2(spectrum, (height, width))
    return blurred[:, :, border:-border, border:-border]


def _print(image: Tensor, letters: Tensor, down: float, right: float) -> None:
    """Letters at a place of the image (channels, height, width); what does not fit is cut off."""
    top, left = (
        int(share * edge) for share, edge in zip((down, right), image.shape[1:], strict=True)
    )
    part = image[:, top : top + letters.shape[0], left : left + letters.shape[1]]
    cover = letters[: part.shape[1], : part.shape[2]]
    part.copy_(part + cover * (WHITE - part))
