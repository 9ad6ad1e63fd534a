"""Small data and networks that several tests share."""

from collections.abc import Sequence
from copy import deepcopy
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.backbones.classifier import Classifier
from utils.data.patients.splitting import GatheredImages, split_rows
from utils.data.split import Split, Splits
from utils.evaluation.predictions import Predictions
from utils.run import Run, start_run

NAMES = ("dark", "bright", "striped")


def small_split(count: int = 48, size: int = 16, seed: int = 0) -> Split:
    """Three classes that a small network learns in a few steps; two images per patient."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    images = 90 + 40 * torch.rand(count, 1, size, size, generator=generator)
    images[labels == 1] += 60
    images[labels == 2, :, ::4] += 100
    return Split(images.to(torch.uint8), labels, NAMES, groups=torch.arange(count) // 2)


FINDINGS = ("bright", "striped", "framed")


def findings_split(count: int = 64, size: int = 16, seed: int = 0) -> Split:
    """Three findings in all combinations, which a small network learns; two images per patient."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.stack([torch.arange(count) // 2**finding % 2 for finding in range(3)], 1)
    images = 60 + 30 * torch.rand(count, 1, size, size, generator=generator)
    images[labels[:, 0] == 1] += 50
    images[labels[:, 1] == 1, :, ::4] += 70
    images[labels[:, 2] == 1, :, :, :3] = 10
    return Split(images.to(torch.uint8), labels, FINDINGS, groups=torch.arange(count) // 2)


def soft_pictures(count: int, edge, channels: int = 1, seed: int = 0, greys=(60, 190)) -> Tensor:
    """Soft shapes, square or (height, width), between two grey levels."""
    size = edge if isinstance(edge, tuple) else (edge, edge)
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, channels, 5, 5, generator=generator)
    soft = F.interpolate(coarse, size, mode="bilinear", align_corners=True)
    return (greys[0] + (greys[1] - greys[0]) * soft).round().to(torch.uint8)


def unrelated(count: int, size: int = 32, seed: int = 0, channels: int = 1) -> Tensor:
    """Noise: no two pictures have anything in common."""
    generator = torch.Generator().manual_seed(seed)
    shape = (count, channels, size, size)
    return torch.randint(40, 215, shape, generator=generator, dtype=torch.uint8)


def split_of(images, labels=None, groups=None) -> Split:
    """Two classes, in turn where no labels are given."""
    labels = torch.arange(len(images)) % 2 if labels is None else labels
    return Split(images, labels, ("a", "b"), groups)


def small_splits(seed: int = 0) -> Splits:
    return Splits(*(small_split(seed=3 * seed + part) for part in range(3)))


def small_network(seed: int = 0, classes: int = 3) -> nn.Module:
    """A convolution, batch norm and dropout: everything that training mode would disturb."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(32, classes),
        )


def small_classifier(seed: int = 0, classes: int = 3, frozen: bool = False) -> Classifier:
    """The small network for three channels, as a backbone and a head."""
    network = small_network(seed, classes)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network[0] = nn.Conv2d(3, 8, 3, stride=2, padding=1)
    return Classifier(network[:-1], network[-1], frozen).eval()


def trained_network(seed: int = 0) -> nn.Module:
    """A small network that knows the small data."""
    return deepcopy(_trained(seed))


def findings_network(seed: int = 0) -> nn.Module:
    """The same for the small data with findings."""
    return deepcopy(_trained_on_findings(seed))


@cache
def _trained(seed: int) -> nn.Module:
    loss = nn.functional.cross_entropy
    return _fitted(small_network(seed), small_split(seed=90 + seed), loss, seed)


@cache
def _trained_on_findings(seed: int) -> nn.Module:
    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(logits, labels.float())

    return _fitted(small_network(seed), findings_split(seed=90 + seed), loss, seed)


def _fitted(network: nn.Module, split: Split, loss, seed: int) -> nn.Module:
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for _ in range(40):
            optimizer.zero_grad()
            loss(network(split.images / 255), split.labels).backward()
            optimizer.step()
    network.zero_grad()
    return network.eval()


def weights_of(model: nn.Module) -> Tensor:
    """All weights and statistics of a model in one row."""
    return torch.cat([value.flatten().float() for value in model.state_dict().values()])


class Counted(nn.Module):
    """A model that counts the images it is shown; float32, whatever a library makes of them."""

    def __init__(self, model: nn.Module, answer=lambda logits: logits):
        super().__init__()
        self.model, self.answer, self.seen = model, answer, 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen += len(images)
        return self.answer(self.model(images.float()))


def skilled_probabilities(rng, labels: np.ndarray, classes: int, skill: float) -> np.ndarray:
    """The higher the skill, the more probable the true class."""
    logits = rng.normal(size=(len(labels), classes)) + skill * np.eye(classes)[labels]
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def some_predictions(count=300, classes=4, per_group=3, skill=1.5, seed=0) -> Predictions:
    """Predictions of a network that knows something, of unequal classes and several images each."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, count, p=[0.5, 0.3, 0.15, 0.05][:classes])
    probabilities = skilled_probabilities(rng, labels, classes, skill)
    groups = np.arange(count) // per_group
    return Predictions(labels, probabilities, groups, tuple("abcd"[:classes]))


def random_predictions(seed: int = 0, skill: float = 2.0) -> Predictions:
    """Predictions of three classes for 20 patients; higher skill, more of them right."""
    rng = np.random.default_rng(seed)
    labels = np.arange(60) % 3
    probabilities = skilled_probabilities(rng, labels, 3, skill)
    return Predictions(labels, probabilities, np.arange(60) // 3, ("mild", "none", "severe"))


def finished(name: str, seed: int = 0, red: bool = False, conditions=None, **named) -> Run:
    """A run with a record of these predictions."""
    conditions = {**(conditions or {}), **named}
    run = start_run(name, "brain_phantom", seed, device="cpu")
    run.save_predictions({"standard": conditions})
    flags = [{"flag": "planted", "red": red, "reason": "because" if red else ""}]
    run.record(conditions=list(conditions), flags=flags, parameters={"SEED": seed})
    return run


def split_dataset(
    gathered: GatheredImages, fractions: Sequence[float], seed: int
) -> tuple[Splits, int]:
    """Train, validation and test as `load` would store them, and how many images are left out."""
    rows, withheld = split_rows(gathered, fractions, seed)
    return Splits(**{part: gathered.split.take(chosen) for part, chosen in rows.items()}), withheld
