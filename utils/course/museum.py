"""The mistakes of the museum, each made on purpose; nothing else may use them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.stats import rankdata
from torch import Tensor, nn

from utils.attacks.pgd import PGD, input_gradient
from utils.course.tables import interval_text
from utils.data import patient_split
from utils.data.split import Split, Splits, batches, to_float, to_uint8
from utils.evaluation.intervals import Interval
from utils.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Exhibit:
    """A number that a mistake produced, the flags it raises, and the number without the mistake."""

    claimed: float
    flags: pd.DataFrame
    true: Interval
    unit: str = "%"

    @property
    def red(self) -> list[str]:
        return list(self.flags.loc[self.flags["red"], "flag"])

    @property
    def row(self) -> dict[str, str]:
        """What was claimed, what is true with its interval, what was red."""
        scale = 100 if self.unit == "%" else 1
        return {
            "claimed": f"{scale * self.claimed:.1f} {self.unit}",
            "true": interval_text(self.true, scale),
            "red flags": "; ".join(self.red) or "none",
        }

    def __str__(self) -> str:
        return "\n".join(f"{name}: {text}" for name, text in self.row.items())


def exhibit_table(exhibits: Mapping[str, Exhibit]) -> pd.DataFrame:
    """One row per exhibit."""
    return pd.DataFrame({name: exhibit.row for name, exhibit in exhibits.items()}).T


@dataclass(frozen=True)
class ClampAfterNormalising(PGD):
    """One step on the normalised image, then a clamp to [0, 1], the range of another space."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        mean, std = model.mean.mean(), model.std.mean()
        normalised = (images - mean) / std
        moved = normalised + self.epsilon / std * input_gradient(model, images, labels).sign()
        return moved.clamp(0, 1) * std + mean


@dataclass(frozen=True)
class TrainingModeAttack(PGD):
    """The model stays in training mode, so its batch norm learns from the attacked images."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        attacked = images
        for _ in range(self.steps):
            step = self.step_size * input_gradient(model, attacked, labels).sign()
            moved = attacked + step - images
            attacked = (images + moved.clamp(-self.epsilon, self.epsilon)).clamp(0, 1)
        return attacked


@dataclass(frozen=True)
class LeakyGradients(PGD):
    """`backward` instead of the gradient of the image alone: every weight gets one as well."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        attacked = images
        for _ in range(self.steps):
            attacked = attacked.detach().requires_grad_()
            F.cross_entropy(model(attacked), labels).backward()
            moved = attacked + self.step_size * attacked.grad.sign() - images
            attacked = (images + moved.clamp(-self.epsilon, self.epsilon)).clamp(0, 1)
        return attacked.detach()


def train_while_measuring(
    model: nn.Module, split: Split, attack: PGD, learning_rate: float, seed: int
):
    """An epoch on clean images, which looks as if it only measured an attack on the way."""
    torch.manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)
    model.train()
    for images, labels in batches(split, 32, shuffle=True):
        attack(model, to_float(images), labels)
        F.cross_entropy(model(to_float(images)), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def accuracy_of_full_batches(right: np.ndarray, batch_size: int) -> float:
    """Hits divided by batches times batch size, although the last batch is rarely full."""
    return right.sum() / (math.ceil(len(right) / batch_size) * batch_size)


def psnr_without_square(before: Tensor, after: Tensor) -> Tensor:
    """PSNR per image with a peak of 255 that is not squared."""
    error = (255 * (before - after)).square().flatten(1).mean(1)
    return 10 * torch.log10(255 / error)


def resplit_by_image(splits: Splits, seed: int) -> Splits:
    """The same images in a new split, image by image: views of a patient end up on both sides."""
    counts = [len(part) for _, part in splits.items()]
    return patient_split.split_by_image(splits, [count / sum(counts) for count in counts], seed)


def mean_images(split: Split, count: int, seed: int, same_class: bool) -> Split:
    """Means of two images, in place of the output of a generator.

    Without `same_class` an image shows no class in particular, and its label is drawn at random.
    """
    rng = np.random.default_rng(seed)
    first, labels = rng.integers(len(split), size=count), split.labels.numpy()
    mates = [np.flatnonzero(labels == labels[k]) if same_class else labels.size for k in first]
    second = [rng.choice(some) for some in mates]
    given = labels[first] if same_class else rng.choice(labels, count)
    mixed = (to_float(split.images[first]) + to_float(split.images[second])) / 2
    return Split(to_uint8(mixed), torch.from_numpy(given), split.class_names)


def largest_change(image: Tensor, original: Tensor) -> Tensor:
    """The score of each image by a "detector" that is given the original."""
    return (image - original).abs().flatten(1).max(1).values


def detector_predictions(benign: Tensor, attacked: Tensor) -> Predictions:
    """Scores of images before and after an attack, as predictions that have an AUC."""
    share = rankdata(torch.cat([benign, attacked]).numpy()) / (len(benign) + len(attacked) + 1)
    labels = np.repeat([0, 1], [len(benign), len(attacked)])
    patients = np.concatenate([np.arange(len(benign)), np.arange(len(attacked))])
    return Predictions(labels, np.stack([1 - share, share], 1), patients, ("benign", "attacked"))
