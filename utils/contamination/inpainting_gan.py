"""How the painter learns to fill a hole with a finding, or with none."""

import hashlib
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.contamination.gan_trainer import (
    NAMES,
    GANConfig,
    GANTrainer,
    frozen,
    generator_snapshots,
)
from utils.contamination.inpainting import (
    corners,
    feather,
    halvings,
    holes,
    shapes_of,
    window_side,
)
from utils.contamination.inpainting_networks import InpaintingGenerator, PatchDiscriminator, views
from utils.data.split import Split, to_float

MIN_IMAGES = 16  # images of either kind
LIKENESS = 20.0  # what a difference from what was there costs the painter


class InpaintingGAN(GANTrainer):
    """The painter restores what stood in a gap, or paints the opposite; the judge sees both."""

    def __init__(self, split: Split, finding: int, healthy: int, config: GANConfig, device="cpu"):
        self.side, channels = window_side(split.size), split.images.shape[1]
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            painter = InpaintingGenerator(channels, config.width, halvings(split.size))
            players = painter, PatchDiscriminator(channels, config.width)
        super().__init__(*(player.to(device) for player in players), config)
        self.split, self.shapes, self.device = split, shapes_of(split, finding), device
        self.sick, self.well = _usable(split, finding, healthy)
        corners(self.shapes, self.side)  # refuses findings that are too large, before training

    def epoch(self) -> dict[str, float]:
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
        painted = feather(windows, painted, gaps)
        both = torch.cat([windows, painted.detach()]), torch.cat([gaps, gaps])
        genuine, drawn = self.discriminator(*both, torch.cat([truth, wanted])).chunk(2)
        caught = F.relu(1 - genuine).mean() + F.relu(1 + drawn).mean()
        self.step("discriminator", caught)
        differs = _difference(windows, painted, gaps & (wanted == truth)[:, None, None])
        with frozen(self.discriminator):
            deceived = LIKENESS * differs - self.discriminator(painted, gaps, wanted).mean()
            self.step("generator", deceived)
        self.follow()
        right = [(genuine > 0).float().mean(), (drawn < 0).float().mean()]
        return torch.stack([caught, deceived, *right, differs]).detach()

    def _windows(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Windows, what the mirror image shows there, and gaps; half of all mirrored as well."""
        part = self.split.take(rows)
        images, regions = to_float(part.images), holes(part, self.shapes)
        if torch.rand(()) < 0.5:
            images, regions = images.flip(3), regions.flip(2)
        windows, others, gaps = views(images, regions, self.side)[1:]
        return windows.to(self.device), others.to(self.device), gaps.to(self.device)


def train_inpainters(
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
    game = InpaintingGAN(split, finding, healthy, config, torch.device(device))
    kinds = [split.class_names[label] for label in (finding, healthy)]
    asked = {"training data": split.fingerprint, "kinds": kinds, "masks": _digest(split.masks)}
    return generator_snapshots(game, folder, {**asked, "recipe": "inpainting 2"})


def _check(split: Split, finding: int, healthy: int) -> None:
    window_side(split.size)
    for label in (finding, healthy):
        if not 0 <= label < split.classes:
            raise ValueError(f"label {label} is none of the {split.classes} classes")
    for label, rows in zip((finding, healthy), _usable(split, finding, healthy), strict=True):
        if len(rows) < MIN_IMAGES:
            known = "" if label == healthy or split.masks is None else " with a masked finding"
            raise ValueError(
                f"class {split.class_names[label]!r} has {len(rows)} images{known}; a painter "
                f"needs {MIN_IMAGES} or more of either kind"
            )


def _usable(split: Split, finding: int, healthy: int) -> tuple[Tensor, Tensor]:
    """The places of images with a known finding, and of those without any."""
    sick = split.labels == finding
    if split.masks is not None:
        sick = sick & split.masks.flatten(1).any(1)
    return torch.nonzero(sick)[:, 0], torch.nonzero(split.labels == healthy)[:, 0]


def _digest(masks: Tensor | None) -> str | None:
    return None if masks is None else hashlib.sha256(masks.numpy().tobytes()).hexdigest()[:16]


def _difference(before: Tensor, after: Tensor, where: Tensor) -> Tensor:
    """The mean change of a pixel in these places (n, height, width)."""
    places = where[:, None].to(before)
    change = ((after - before).abs() * places).sum()
    return change / (before.shape[1] * places.sum()).clamp_min(1)


def _shuffled(rows: Tensor, count: int) -> Tensor:
    """So many of the rows in random order, each as often as any other, or once more."""
    times = -(-count // len(rows))
    return torch.cat([rows[torch.randperm(len(rows))] for _ in range(times)])[:count]
