"""The mistakes of the museum, each carried out on purpose; nothing else may use them."""

import math
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from utils.contamination.attacks import PGD, input_gradient
from utils.splits import Split, as_grey_levels, as_pixels, batches


@dataclass(frozen=True)
class ClampedAfterNormalising(PGD):
    """One step on the normalised image, then a clamp to [0, 1], which is not its range."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        mean, std = model.mean.mean(), model.std.mean()
        normalised = (images - mean) / std
        moved = normalised + self.epsilon / std * input_gradient(model, images, labels).sign()
        return moved.clamp(0, 1) * std + mean


@dataclass(frozen=True)
class InTrainingMode(PGD):
    """Batch norm learns from the attacked images, and dropout blinds the attacker."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        found = images
        for _ in range(self.steps):
            moved = found + self.step_size * input_gradient(model, found, labels).sign() - images
            found = (images + moved.clamp(-self.epsilon, self.epsilon)).clamp(0, 1)
        return found


@dataclass(frozen=True)
class Leaking(PGD):
    """`backward` where a gradient of the image would do: every weight gets one, too."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        found = images
        for _ in range(self.steps):
            found = found.detach().requires_grad_()
            F.cross_entropy(model(found), labels).backward()
            moved = found + self.step_size * found.grad.sign() - images
            found = (images + moved.clamp(-self.epsilon, self.epsilon)).clamp(0, 1)
        return found.detach()


def train_watched(model: nn.Module, split: Split, attack: PGD, learning_rate: float, seed: int):
    """An epoch on clean images, during which an attacker is measured and, it seems, no more."""
    torch.manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)
    model.train()
    for images, labels in batches(split, 32, shuffle=True):
        attack(model, as_pixels(images), labels)
        F.cross_entropy(model(as_pixels(images)), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def jpeg(pixels: Tensor, quality: int = 75) -> Tensor:
    """What is left of images after saving them as JPEG."""
    kept = []
    for image in as_grey_levels(pixels):
        file = BytesIO()
        Image.fromarray(image.permute(1, 2, 0).squeeze().numpy()).save(
            file, "JPEG", quality=quality
        )
        kept.append(np.atleast_3d(np.asarray(Image.open(file))).transpose(2, 0, 1))
    return as_pixels(torch.from_numpy(np.stack(kept)))


def accuracy_of_full_batches(right: np.ndarray, batch_size: int) -> float:
    """Hits over batches times batch size; the last batch is rarely full."""
    return right.sum() / (math.ceil(len(right) / batch_size) * batch_size)


def psnr_of_grey_levels(pixels: Tensor, shown: Tensor) -> Tensor:
    """PSNR per image with a peak of 255, for pixels that end at 1."""
    error = (pixels - shown).square().flatten(1).mean(1)
    return 10 * torch.log10(255**2 / error)


def largest_change(shown: Tensor, original: Tensor) -> Tensor:
    """A "detector" that is handed the answer: the image before the attack."""
    return (shown - original).abs().flatten(1).max(1).values
