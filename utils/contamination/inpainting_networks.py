"""A generator that fills a hole with a finding or with none, and its discriminator."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from utils.contamination.inpainting_regions import (
    corners,
    cut,
    dilate,
    paste,
    window_side,
)

GAIN = 2.0  # after each discriminator layer: spectral norm 1 alone would make signals fade
RING = 3  # pixels around a hole; their mean brightness is where filling starts


class InpaintingGenerator(nn.Module):
    """A U-Net (after pix2pix) that sees a window around the hole.

    It also sees the other side of the image, because bodies are nearly symmetrical.
    """

    def __init__(self, channels: int = 1, width: int = 16, times: int = 3):
        super().__init__()
        widths = [width // 2, 2 * width, *[4 * width] * (times - 1)]
        self.first = _convolution(2 * channels + 3, widths[0])
        self.down = nn.ModuleList(_convolution(*pair, stride=2) for pair in pairwise(widths))
        back = zip(widths[:0:-1], widths[-2::-1], strict=True)
        self.up = nn.ModuleList(_convolution(deep + flat, flat) for deep, flat in back)
        self.last = nn.Conv2d(widths[0] + 1, channels, 3, padding=1)

    def forward(self, windows: Tensor, mirrored: Tensor, gaps: Tensor, wanted, noise) -> Tensor:
        """What to put into the gaps (n, side, side) of windows (n, channels, side, side)."""
        level, gap = _level(windows, gaps), gaps[:, None].to(windows)
        around = (windows - level) * (1 - gap)
        inputs = [around, mirrored - level, gap, _signed(gap, wanted), noise]
        maps = [self.first(torch.cat(inputs, 1))]
        for layer in self.down:
            maps.append(layer(maps[-1]))
        deep = maps.pop()
        for layer in self.up:
            deep = layer(torch.cat([F.interpolate(deep, scale_factor=2), maps.pop()], 1))
        return level + self.last(torch.cat([deep, noise], 1))

    def fill(self, images: Tensor, regions: Tensor, wanted: Tensor, rng: Generator) -> Tensor:
        """Images with filled windows; pixels outside the regions are meaningless."""
        where, windows, *rest = views(images, regions, window_side(images.shape[-1]))
        noise = torch.randn(windows[:, :1].shape, generator=rng).to(images)
        with torch.no_grad():
            return paste(images, self(windows, *rest, wanted, noise), where).clamp(0, 1)


class PatchDiscriminator(nn.Module):
    """A number per patch of a window (Isola 2017), higher for a real one.

    It sees where the gap is and whether a finding is supposed to be there.
    """

    def __init__(self, channels: int = 1, width: int = 16):
        super().__init__()
        steps = pairwise([channels + 2, width, 2 * width, 4 * width])
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(*step, 4 if number else 3, 2 if number else 1, 1))
            for number, step in enumerate(steps)
        )
        self.head = spectral_norm(nn.Conv2d(4 * width, 1, 3, padding=1))

    def forward(self, windows: Tensor, gaps: Tensor, wanted: Tensor) -> Tensor:
        gap = gaps[:, None].to(windows)
        maps = torch.cat([4 * (windows - _level(windows, gaps)), gap, _signed(gap, wanted)], 1)
        for layer in self.layers:
            maps = GAIN * F.leaky_relu(layer(maps), 0.2)
        return self.head(maps)


def views(images: Tensor, regions: Tensor, side: int) -> tuple[Tensor, ...]:
    """Where the windows begin, the windows, what the mirror image shows there, and the gaps.

    The region is black in the mirror image, which would otherwise show what to restore.
    """
    where = corners(regions, side)
    flipped = (images * ~regions[:, None]).flip(3)
    windows, mirrored = cut(images, where, side), cut(flipped, where, side)
    return where, windows, mirrored, cut(regions[:, None], where, side)[:, 0]


def _convolution(before: int, after: int, stride: int = 1) -> nn.Sequential:
    edge = 4 if stride == 2 else 3
    return nn.Sequential(nn.Conv2d(before, after, edge, stride, 1), nn.LeakyReLU(0.2))


def _level(windows: Tensor, gaps: Tensor) -> Tensor:
    """The mean brightness of a ring around each gap."""
    ring = (dilate(gaps, RING) & ~gaps)[:, None].to(windows)
    total = (windows * ring).sum((1, 2, 3), keepdim=True)
    return total / (windows.shape[1] * ring.sum((1, 2, 3), keepdim=True)).clamp_min(1)


def _signed(gap: Tensor, wanted: Tensor) -> Tensor:
    """1 in the gap if a finding is wanted, -1 if none is; 0 outside."""
    return (2 * wanted.to(gap) - 1)[:, None, None, None] * gap
