"""The mistakes of the museum, each carried out on purpose; nothing else may use them."""

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
    """A figure as a mistake made it, the flags that this raises, and the figure without it."""

    told: float
    flags: pd.DataFrame
    honest: Interval
    unit: str = "%"

    @property
    def red(self) -> list[str]:
        return list(self.flags.loc[self.flags["red"], "flag"])


def exhibit_table(exhibits: Mapping[str, Exhibit]) -> pd.DataFrame:
    """One row per exhibit: what was told, what is true with its interval, what was red."""
    rows = {}
    for name, exhibit in exhibits.items():
        scale = 100 if exhibit.unit == "%" else 1
        rows[name] = {
            "told": f"{scale * exhibit.told:.1f} {exhibit.unit}",
            "honest": interval_text(exhibit.honest, scale),
            "red flags": "; ".join(exhibit.red) or "none",
        }
    return pd.DataFrame(rows).T


@dataclass(frozen=True)
class ClampAfterNormalising(PGD):
    """One step on the normalised image, then a clamp to [0, 1], which is not its range."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        mean, std = model.mean.mean(), model.std.mean()
        normalised = (images - mean) / std
        moved = normalised + self.epsilon / std * input_gradient(model, images, labels).sign()
        return moved.clamp(0, 1) * std + mean


@dataclass(frozen=True)
class TrainingModeAttack(PGD):
    """Batch norm learns from the attacked images, and dropout blinds the attacker."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        found = images
        for _ in range(self.steps):
            moved = found + self.step_size * input_gradient(model, found, labels).sign() - images
            found = (images + moved.clamp(-self.epsilon, self.epsilon)).clamp(0, 1)
        return found


@dataclass(frozen=True)
class LeakyGradients(PGD):
    """`backward` where a gradient of the image would do: every weight gets one, too."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        found = images
        for _ in range(self.steps):
            found = found.detach().requires_grad_()
            F.cross_entropy(model(found), labels).backward()
            moved = found + self.step_size * found.grad.sign() - images
            found = (images + moved.clamp(-self.epsilon, self.epsilon)).clamp(0, 1)
        return found.detach()


def train_under_observation(
    model: nn.Module, split: Split, attack: PGD, learning_rate: float, seed: int
):
    """An epoch on clean images, during which an attacker is measured and, it seems, no more."""
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
    """Hits over batches times batch size; the last batch is rarely full."""
    return right.sum() / (math.ceil(len(right) / batch_size) * batch_size)


def psnr_of_one_peak(pixels: Tensor, shown: Tensor) -> Tensor:
    """PSNR per image with a peak of 255 that somebody forgot to square."""
    error = (255 * (pixels - shown)).square().flatten(1).mean(1)
    return 10 * torch.log10(255 / error)


def split_by_image(splits: Splits, seed: int) -> Splits:
    """The same images, dealt anew one by one: views of a patient end up on both sides."""
    counts = [len(part) for _, part in splits.items()]
    return patient_split.split_by_image(splits, [count / sum(counts) for count in counts], seed)


def mean_images(split: Split, count: int, seed: int, same_class: bool) -> Split:
    """Means of two images, in place of a generator's work.

    Without `same_class` nobody can say what they show, and the labels are as good as any.
    """
    rng = np.random.default_rng(seed)
    first, labels = rng.integers(len(split), size=count), split.labels.numpy()
    mates = [np.flatnonzero(labels == labels[k]) if same_class else labels.size for k in first]
    second = [rng.choice(some) for some in mates]
    told = labels[first] if same_class else rng.choice(labels, count)
    mixed = (to_float(split.images[first]) + to_float(split.images[second])) / 2
    return Split(to_uint8(mixed), torch.from_numpy(told), split.class_names)


def largest_change(shown: Tensor, original: Tensor) -> Tensor:
    """How suspicious an image is to a "detector" that is handed the answer."""
    return (shown - original).abs().flatten(1).max(1).values


def detector_predictions(benign: Tensor, attacked: Tensor) -> Predictions:
    """Suspicions of images before and after an attack, as answers that have an AUC."""
    share = rankdata(torch.cat([benign, attacked]).numpy()) / (len(benign) + len(attacked) + 1)
    labels = np.repeat([0, 1], [len(benign), len(attacked)])
    patients = np.concatenate([np.arange(len(benign)), np.arange(len(attacked))])
    return Predictions(labels, np.stack([1 - share, share], 1), patients, ("benign", "attacked"))
