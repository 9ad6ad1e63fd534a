"""A detector of fakes, which learns from several families and from processed real images.

A viewer, an archive or a denoiser leaves traces as well, and makes nothing fake.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from utils.contamination.base import Contamination
from utils.contamination.planted_leaks import jpeg_copy, resampled_copy
from utils.data.formats.depth import in_depth
from utils.data.split import Split, Splits, concatenate
from utils.evaluation.inference import logits
from utils.evaluation.roc import FALSE_POSITIVE_RATE
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load

NAMES = ("real", "fake")
STRENGTH = 8  # grey levels of noise that the denoiser removes


def denoised(images: Tensor) -> Tensor:
    """Noise is averaged away over like-looking surroundings (non-local means, Buades 2005)."""
    planes = in_depth(images, 8).flatten(0, 1).numpy()
    clean = np.stack([cv2.fastNlMeansDenoising(plane, None, STRENGTH, 3, 11) for plane in planes])
    return in_depth(torch.from_numpy(clean).view(images.shape), 8 * images.element_size())


PROCESSING: Mapping[str, Callable[[Tensor], Tensor]] = {
    "shrunk and enlarged": resampled_copy,
    "denoised": denoised,
    "saved as JPEG": jpeg_copy,
}


def real_or_fake(real: Split, *fakes: Split) -> Split:
    """Real and fake images as the two classes of one split; the patients stay."""
    parts = (real, *fakes)
    labels = [torch.full_like(part.labels, part is not real) for part in parts]
    groups = [torch.as_tensor(part.patients) for part in parts]
    images = torch.cat([part.images for part in parts])
    return Split(images, torch.cat(labels), NAMES, torch.cat(groups))


@dataclass(frozen=True)
class FakesByFamily:
    """The same real images untouched, processed, and in place of them fakes of each family."""

    untouched: Split
    processed: Mapping[str, Split]
    fakes: Mapping[str, Split]

    def without(self, family: str) -> "FakesByFamily":
        """As if a family of fakes had never been met."""
        if family not in self.fakes:
            raise ValueError(f"unknown family {family!r}; choose from {', '.join(self.fakes)}")
        left = {name: fakes for name, fakes in self.fakes.items() if name != family}
        return replace(self, fakes=left)

    @property
    def real(self) -> dict[str, Split]:
        return {"untouched": self.untouched, **self.processed}

    @property
    def as_two_classes(self) -> Split:
        """All of them as real or fake."""
        return real_or_fake(concatenate(*self.real.values()), *self.fakes.values())


def fakes_by_family(
    real: Split, families: Mapping[str, Contamination], seed: int = 0
) -> FakesByFamily:
    """Every family makes a fake in place of each real image."""
    processed = {name: replace(real, images=how(real.images)) for name, how in PROCESSING.items()}
    fakes = {name: replace(each, rate=1.0, seed=seed)(real) for name, each in families.items()}
    return FakesByFamily(real, processed, fakes)


@dataclass(frozen=True)
class FakeDetector:
    """A network with two classes, and the score above which it flags an image."""

    network: nn.Module
    limit: float

    def score(self, split: Split) -> np.ndarray:
        """One number per image; higher is more suspicious."""
        found = logits(self.network, split)
        return (found[:, 1] - found[:, 0]).numpy()

    def flags(self, split: Split) -> np.ndarray:
        """Whether each image is flagged."""
        return self.score(split) > self.limit


def train_fake_detector(
    network: nn.Module,
    known: FakesByFamily,
    held_out: FakesByFamily,
    config: TrainConfig,
    folder: Path,
) -> FakeDetector:
    """Learn real from fake; the limit flags 1 % of the held-out real images, processed or not.

    Give a network of two classes and no augmentation: a turn smooths the grain of an image, and
    the grain may be the clue.
    """
    held = held_out.as_two_classes
    train_or_load(network, Splits(known.as_two_classes, held, held), config, folder)
    detector = FakeDetector(network, np.inf)
    scores = np.concatenate([detector.score(split) for split in held_out.real.values()])
    return replace(detector, limit=float(np.quantile(scores, 1 - FALSE_POSITIVE_RATE)))
