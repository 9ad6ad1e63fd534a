"""A painter that fills a hole in an image with what is wanted there: a finding, or none."""

import hashlib
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from utils.contamination.holes import (
    blended,
    corners,
    cut,
    halvings,
    holes,
    pasted,
    shapes_of,
    widened,
    window_side,
)
from utils.gan.game import NAMES, Game, GANConfig, kept_generators
from utils.gan.networks import GAIN
from utils.splits import Split, as_pixels

FEWEST = 16  # images of either kind
LIKENESS = 20.0  # what a difference from what was there costs the painter
RING = 3  # pixels around a hole; their mean is the level from which filling starts


class Painter(nn.Module):
    """Sees a window around the hole, halves it and comes back (U-Net, after pix2pix).

    It sees the other side of the image as well: bodies are nearly symmetrical.
    """

    def __init__(self, channels: int = 1, width: int = 16, times: int = 3):
        super().__init__()
        widths = [width // 2, 2 * width, *[4 * width] * (times - 1)]
        self.first = _convolution(2 * channels + 3, widths[0])
        self.down = nn.ModuleList(_convolution(*pair, stride=2) for pair in pairwise(widths))
        back = zip(widths[:0:-1], widths[-2::-1], strict=True)
        self.up = nn.ModuleList(_convolution(deep + flat, flat) for deep, flat in back)
        self.last = nn.Conv2d(widths[0] + 1, channels, 3, padding=1)

    def forward(self, windows: Tensor, others: Tensor, gaps: Tensor, wanted, noise) -> Tensor:
        """What to put into the gaps (n, side, side) of windows (n, channels, side, side)."""
        level, gap = _level(windows, gaps), gaps[:, None].to(windows)
        seen = [(windows - level) * (1 - gap), others - level, gap, _asked(gap, wanted), noise]
        maps = [self.first(torch.cat(seen, 1))]
        for layer in self.down:
            maps.append(layer(maps[-1]))
        deep = maps.pop()
        for layer in self.up:
            deep = layer(torch.cat([F.interpolate(deep, scale_factor=2), maps.pop()], 1))
        return level + self.last(torch.cat([deep, noise], 1))

    def fill(self, images: Tensor, regions: Tensor, wanted: Tensor, numbers: Generator) -> Tensor:
        """Images with painted windows; what lies outside the regions is of no account."""
        where, *views = _views(images, regions, window_side(images.shape[-1]))
        noise = torch.randn(views[0][:, :1].shape, generator=numbers).to(images)
        with torch.no_grad():
            return pasted(images, self(*views, wanted, noise), where).clamp(0, 1)


class Judge(nn.Module):
    """A number for each patch of a window (Isola 2017), the higher the more real, knowing where
    the gap was and what is said to stand there."""

    def __init__(self, channels: int = 1, width: int = 16):
        super().__init__()
        steps = pairwise([channels + 2, width, 2 * width, 4 * width])
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(*step, 4 if number else 3, 2 if number else 1, 1))
            for number, step in enumerate(steps)
        )
        self.judge = spectral_norm(nn.Conv2d(4 * width, 1, 3, padding=1))

    def forward(self, windows: Tensor, gaps: Tensor, wanted: Tensor) -> Tensor:
        gap = gaps[:, None].to(windows)
        maps = torch.cat([4 * (windows - _level(windows, gaps)), gap, _asked(gap, wanted)], 1)
        for layer in self.layers:
            maps = GAIN * F.leaky_relu(layer(maps), 0.2)
        return self.judge(maps)


class Filling(Game):
    """The painter restores what stood in a gap, or paints the opposite; the judge sees both."""

    def __init__(self, split: Split, finding: int, healthy: int, config: GANConfig, device="cpu"):
        self.side, channels = window_side(split.size), split.images.shape[1]
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            painter = Painter(channels, config.width, halvings(split.size))
            players = painter, Judge(channels, config.width)
        super().__init__(*(player.to(device) for player in players), config)
        self.split, self.shapes, self.device = split, shapes_of(split, finding), device
        self.sick, self.well = _usable(split, finding, healthy)

    def epoch(self, number: int) -> dict[str, float]:
        """As often as the larger kind has images, one of either kind."""
        sums, half = 0, self.config.batch_size // 2
        count = max(len(self.sick), len(self.well))
        drawn = [_shuffled(rows, count).split(half) for rows in (self.sick, self.well)]
        for sick, well in zip(*drawn, strict=True):
            truth = torch.arange(len(sick) + len(well)) < len(sick)
            sums = sums + self.turn(*self._windows(torch.cat([sick, well])), truth.to(self.device))
        means = (sums / len(drawn[0])).tolist()
        return dict(zip((*NAMES, "difference"), means, strict=True))

    def turn(self, windows: Tensor, others: Tensor, gaps: Tensor, truth: Tensor) -> Tensor:
        """One step of each player. Half of the gaps are to get what was there: only there is a
        difference a fault. The other half the judge alone can tell good from bad."""
        wanted = truth ^ (torch.rand(len(truth), device=self.device) < 0.5)
        noise = torch.randn_like(windows[:, :1])
        painted = self.generator(windows, others, gaps, wanted, noise)
        painted = blended(windows, painted, gaps)
        both = torch.cat([windows, painted.detach()]), torch.cat([gaps, gaps])
        genuine, drawn = self.discriminator(*both, torch.cat([truth, wanted])).chunk(2)
        caught = F.relu(1 - genuine).mean() + F.relu(1 + drawn).mean()
        self.step("discriminator", caught)
        differs = _difference(windows, painted, gaps & (wanted == truth)[:, None, None])
        self.discriminator.requires_grad_(False)  # half of the time of the step below
        deceived = LIKENESS * differs - self.discriminator(painted, gaps, wanted).mean()
        self.step("generator", deceived)
        self.discriminator.requires_grad_(True)
        self.follow()
        right = [(genuine > 0).float().mean(), (drawn < 0).float().mean()]
        return torch.stack([caught, deceived, *right, differs]).detach()

    def _windows(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Windows, what the mirror image shows there, and gaps; half of all mirrored as well."""
        part = self.split.take(rows)
        images, regions = as_pixels(part.images), holes(part, self.shapes)
        if torch.rand(()) < 0.5:
            images, regions = images.flip(3), regions.flip(2)
        windows, others, gaps = _views(images, regions, self.side)[1:]
        return windows.to(self.device), others.to(self.device), gaps.to(self.device)


def painters(
    split: Split,
    config: GANConfig,
    folder: Path,
    finding: int = 1,
    healthy: int = 0,
    device="cpu",
) -> tuple[dict, list]:
    """The painter at each snapshot, by its epochs, and the history, one row per epoch.

    It learns from images with this finding, where the masks say it is, and from healthy ones.
    Without masks it learns what stands at such places in images of either class.
    """
    _check(split, finding, healthy)
    game = Filling(split, finding, healthy, config, torch.device(device))
    kinds = [split.class_names[label] for label in (finding, healthy)]
    asked = {"training data": split.fingerprint, "kinds": kinds, "masks": _digest(split.masks)}
    return kept_generators(game, folder, {**asked, "recipe": "inpainting 1"})


def _check(split: Split, finding: int, healthy: int) -> None:
    window_side(split.size)
    for label in (finding, healthy):
        if not 0 <= label < split.classes:
            raise ValueError(f"label {label} is none of the {split.classes} classes")
    for label, rows in zip((finding, healthy), _usable(split, finding, healthy), strict=True):
        if len(rows) < FEWEST:
            known = "" if label == healthy or split.masks is None else " with a masked finding"
            raise ValueError(
                f"class {split.class_names[label]!r} has {len(rows)} images{known}; a painter "
                f"needs {FEWEST} or more of either kind"
            )


def _usable(split: Split, finding: int, healthy: int) -> tuple[Tensor, Tensor]:
    """The places of images with a known finding, and of those without any."""
    sick = split.labels == finding
    if split.masks is not None:
        sick = sick & split.masks.flatten(1).any(1)
    return torch.nonzero(sick)[:, 0], torch.nonzero(split.labels == healthy)[:, 0]


def _digest(masks: Tensor | None) -> str | None:
    return None if masks is None else hashlib.sha256(masks.numpy().tobytes()).hexdigest()[:16]


def _views(images: Tensor, regions: Tensor, side: int) -> tuple[Tensor, ...]:
    """Where the windows begin, the windows, what the mirror image shows there, and the gaps.

    In the mirror image the region is black, or it would tell what stood there.
    """
    where = corners(regions, side)
    mirrored = (images * ~regions[:, None]).flip(3)
    windows, others = cut(images, where, side), cut(mirrored, where, side)
    return where, windows, others, cut(regions[:, None], where, side)[:, 0]


def _convolution(before: int, after: int, stride: int = 1) -> nn.Sequential:
    edge = 4 if stride == 2 else 3
    return nn.Sequential(nn.Conv2d(before, after, edge, stride, 1), nn.LeakyReLU(0.2))


def _level(windows: Tensor, gaps: Tensor) -> Tensor:
    """The mean brightness of a ring around each gap."""
    ring = (widened(gaps, RING) & ~gaps)[:, None].to(windows)
    total = (windows * ring).sum((1, 2, 3), keepdim=True)
    return total / (windows.shape[1] * ring.sum((1, 2, 3), keepdim=True)).clamp_min(1)


def _asked(gap: Tensor, wanted: Tensor) -> Tensor:
    """In the gap 1 for a finding and -1 for none; outside 0."""
    return (2 * wanted.to(gap) - 1)[:, None, None, None] * gap


def _difference(before: Tensor, after: Tensor, where: Tensor) -> Tensor:
    """The mean change of a pixel in these places (n, height, width)."""
    places = where[:, None].to(before)
    change = ((after - before).abs() * places).sum()
    return change / (before.shape[1] * places.sum()).clamp_min(1)


def _shuffled(rows: Tensor, count: int) -> Tensor:
    """So many of the rows in random order, each as often as any other, or once more."""
    times = -(-count // len(rows))
    return torch.cat([rows[torch.randperm(len(rows))] for _ in range(times)])[:count]
