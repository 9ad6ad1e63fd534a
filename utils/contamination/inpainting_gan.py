"""How a generator learns to fill a hole in an image with a finding, or with none."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.contamination.generators.gan_trainer import (
    COLUMNS,
    GANConfig,
    GANTrainer,
    frozen,
    generator_snapshots,
)
from utils.contamination.inpainting_networks import InpaintingGenerator, PatchDiscriminator, views
from utils.contamination.inpainting_regions import (
    corners,
    feather,
    halvings,
    holes,
    shapes_of,
    window_side,
)
from utils.data.split import Split, to_float
from utils.files import digest
from utils.training.epochs import History

MIN_IMAGES_PER_CLASS = 16  # images of either class
RECONSTRUCTION = 20.0  # weight of the difference from the original, where it was to be restored


class InpaintingGAN(GANTrainer):
    """The generator restores what was in a hole or paints the opposite; the discriminator
    compares both with real images."""

    def __init__(self, split: Split, finding: int, healthy: int, config: GANConfig, device="cpu"):
        self.side, channels = window_side(split.size), split.images.shape[1]
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            generator = InpaintingGenerator(channels, config.width, halvings(split.size))
            networks = generator, PatchDiscriminator(channels, config.width)
        super().__init__(*(network.to(device) for network in networks), config)
        self.split, self.shapes, self.device = split, shapes_of(split, finding), device
        self.with_finding, self.without = _usable(split, finding, healthy)
        corners(self.shapes, self.side)  # refuses findings that are too large, before training

    def epoch(self) -> dict[str, float]:
        """As many pairs as the larger class has images, one image of either class in each."""
        sums, half = 0, self.config.batch_size // 2
        count = max(len(self.with_finding), len(self.without))
        drawn = [_shuffle(rows, count).split(half) for rows in (self.with_finding, self.without)]
        for some, others in zip(*drawn, strict=True):
            truth = (torch.arange(len(some) + len(others)) < len(some)).to(self.device)
            sums = sums + self.train_step(*self._windows(torch.cat([some, others])), truth)
        means = (sums / len(drawn[0])).tolist()
        return dict(zip((*COLUMNS, "difference"), means, strict=True))

    def train_step(self, windows: Tensor, mirrored: Tensor, gaps: Tensor, truth: Tensor) -> Tensor:
        """One step of each network.

        Half of the gaps are to be restored: only there does a difference from the original
        count. In the other half the discriminator alone decides what is good.
        """
        wanted = truth ^ (torch.rand(len(truth), device=self.device) < 0.5)
        noise = torch.randn_like(windows[:, :1])
        filled = self.generator(windows, mirrored, gaps, wanted, noise)
        filled = feather(windows, filled, gaps)
        both = torch.cat([windows, filled.detach()]), torch.cat([gaps, gaps])
        on_real, on_fake = self.discriminator(*both, torch.cat([truth, wanted])).chunk(2)
        discriminator_loss = F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()
        self.step("discriminator", discriminator_loss)
        difference = _difference(windows, filled, gaps & (wanted == truth)[:, None, None])
        with frozen(self.discriminator):
            adversarial = -self.discriminator(filled, gaps, wanted).mean()
            generator_loss = RECONSTRUCTION * difference + adversarial
            self.step("generator", generator_loss)
        self.update_average()
        accuracy = [(on_real > 0).float().mean(), (on_fake < 0).float().mean()]
        return torch.stack([discriminator_loss, generator_loss, *accuracy, difference]).detach()

    def _windows(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Windows, what the mirror image shows there, and gaps; half of all mirrored as well."""
        part = self.split.take(rows)
        images, regions = to_float(part.images), holes(part, self.shapes)
        if torch.rand(()) < 0.5:
            images, regions = images.flip(3), regions.flip(2)
        windows, mirrored, gaps = views(images, regions, self.side)[1:]
        return windows.to(self.device), mirrored.to(self.device), gaps.to(self.device)


def train_inpainters(
    split: Split,
    config: GANConfig,
    folder: Path,
    finding: int = 1,
    healthy: int = 0,
    device="cpu",
) -> tuple[dict, History]:
    """The generator at each snapshot, by its epochs, and the history, one row per epoch.

    It learns from images with this finding, where the masks say it is, and from healthy ones.
    Without masks it learns what is at such places in images of either class.
    """
    _check(split, finding, healthy)
    trainer = InpaintingGAN(split, finding, healthy, config, torch.device(device))
    kinds = [split.class_names[label] for label in (finding, healthy)]
    facts = {"training data": split.content_hash(), "kinds": kinds, "masks": _digest(split.masks)}
    return generator_snapshots(trainer, folder, {**facts, "recipe": "inpainting 3"})


def _check(split: Split, finding: int, healthy: int) -> None:
    window_side(split.size)
    for label in (finding, healthy):
        if not 0 <= label < split.classes:
            raise ValueError(f"label {label} is none of the {split.classes} classes")
    for label, rows in zip((finding, healthy), _usable(split, finding, healthy), strict=True):
        if len(rows) < MIN_IMAGES_PER_CLASS:
            known = "" if label == healthy or split.masks is None else " with a masked finding"
            raise ValueError(
                f"class {split.class_names[label]!r} has {len(rows)} images{known}; an inpainting "
                f"generator needs {MIN_IMAGES_PER_CLASS} or more of either class"
            )


def _usable(split: Split, finding: int, healthy: int) -> tuple[Tensor, Tensor]:
    """The places of images with a known finding, and of healthy ones."""
    with_finding = split.labels == finding
    if split.masks is not None:
        with_finding = with_finding & split.masks.flatten(1).any(1)
    return torch.nonzero(with_finding)[:, 0], torch.nonzero(split.labels == healthy)[:, 0]


def _digest(masks: Tensor | None) -> str | None:
    return None if masks is None else digest(masks.contiguous().numpy())[:16]


def _difference(before: Tensor, after: Tensor, where: Tensor) -> Tensor:
    """The mean change of a pixel in these places (n, height, width)."""
    places = where[:, None].to(before)
    change = ((after - before).abs() * places).sum()
    return change / (before.shape[1] * places.sum()).clamp_min(1)


def _shuffle(rows: Tensor, count: int) -> Tensor:
    """`count` of the rows in random order, each as often as any other, or once more."""
    times = -(-count // len(rows))
    return torch.cat([rows[torch.randperm(len(rows))] for _ in range(times)])[:count]
