"""Models whose worst case is known exactly, and what tests of attacks share."""

import pytest
import torch
from small import Counted, small_split
from torch import nn

from utils.attacks.base import unless_reached
from utils.attacks.pgd import PGD
from utils.data.split import to_float

ORDER = {"linf": torch.inf, "l2": 2}


def size_of(change: torch.Tensor, norm: str = "linf") -> torch.Tensor:
    return change.flatten(1).norm(p=ORDER[norm], dim=1)


def robust(attack, model, images, labels) -> float:
    return float((model(attack(model, images, labels)).argmax(1) == labels).float().mean())


class Sure(nn.Module):
    """The same predictions with larger logits, as after a longer training."""

    def __init__(self, model, times):
        super().__init__()
        self.model, self.times = model, times

    def forward(self, images):
        return self.times * self.model(images)


def linear(classes: int, size: int = 4) -> tuple[nn.Module, torch.Tensor]:
    """A linear model in which class 0 leads on grey images by 1, and what it loses per pixel."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(size * size, classes))
    weight = torch.randn(classes, size * size, generator=generator)
    model[1].weight.data = weight
    model[1].bias.data = -0.5 * weight.sum(1)
    model[1].bias.data[0] += 1
    return model.eval(), weight[:1] - weight[1:]


def grey(count: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((count, 1, 4, 4), 0.5), torch.zeros(count, dtype=torch.long)


def margins(attack, model) -> torch.Tensor:
    logits = model(attack(model, *grey())).detach()
    return logits[:, 0] - logits[:, 1:].max(1).values


def some(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    split = small_split(count, seed=7)
    return to_float(split.images), split.labels


def classifier_of_art(model, images):
    estimators = pytest.importorskip("art.estimators.classification")
    loss = nn.CrossEntropyLoss()
    return estimators.PyTorchClassifier(model, loss, images.shape[1:], 3, clip_values=(0, 1))


class OnePlace(nn.Module):
    """Its answer is the brightness of one patch."""

    def forward(self, images):
        seen = images[:, 0, 8:12, 4:8].mean((1, 2))
        return torch.stack([seen, -seen], 1)


class Passes(Counted):
    """Counts the images whose gradient was asked for, too."""

    gradients = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits = super().forward(images)
        if logits.requires_grad:
            logits.register_hook(self._count)
        return logits

    def _count(self, gradient: torch.Tensor) -> None:
        self.gradients += len(gradient)


def same(ours: PGD, theirs, model, batch) -> bool:
    """Our images are those of torchattacks; those that have the target already stay as they are."""
    images, labels = batch
    if ours.target is not None:
        theirs.set_mode_targeted_by_function(lambda _, true: torch.full_like(true, ours.target))
    torch.manual_seed(0)
    expected = unless_reached(model, images, theirs(images, labels), ours.target)
    torch.manual_seed(0)
    return torch.allclose(ours(model, images, labels), expected, atol=1e-6)
