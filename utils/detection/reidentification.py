"""Which images show one patient, by a network that has learned from named patients.

Where pixels are blind (X-rays, single cells), images of one patient are no closer to each other
than to those of others. A network can learn what stays between two visits: it moves two images of
a patient together, and apart from all others (InfoNCE, van den Oord 2018). It learns from patients
whose names are known, and is then used on images without names, of the same kind.

Patients that it has not met decide the limit and say how many pairs it finds. Below a limit that
one pair of 10,000 passes by chance, among 1,000 images still fifty pairs of different patients lie:
the pairs are hints for a person, and no groups to split by.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.backbones.classifier import build
from utils.data.duplicates import nearest
from utils.data.split import Split, to_float
from utils.detection.thresholds import threshold_at
from utils.evaluation.inference import logits
from utils.training.config import TrainConfig
from utils.training.heads import fit_on_features

BACKBONE, WIDTH = "resnet10_narrow", 64  # small: it learns from few patients
RATE = 1e-4  # of the pairs of different patients that may lie below the limit
PAIRS = 6  # of images of a patient from which it learns, so that none counts for all
LESSON = TrainConfig(epochs=30, batch_size=128, learning_rate=2e-3, weight_decay=1e-2)
MOTION = 0.06  # of an image: how far it is moved, turned and zoomed at random


class Embedding(nn.Module):
    """Images to points on a sphere; brightness and contrast of an image are taken away first."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        spread = images.std((2, 3), keepdim=True).clamp(min=1e-3)
        plain = (images - images.mean((2, 3), keepdim=True)) / spread
        return F.normalize(self.network(0.5 + 0.25 * plain).float(), dim=1)


@dataclass(frozen=True)
class PatientContrast:
    """Of each pair: which image of the batch is the second one? Images are pairs (n, 2, ...).

    `labels` are patients: other pairs of the same one are no wrong answers.
    """

    temperature: float = 0.1

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        first, second = model(_moved(images.flatten(0, 1))).unflatten(0, (-1, 2)).unbind(1)
        same = (labels[:, None] == labels) & ~torch.eye(len(labels), dtype=torch.bool)
        likeness = (first @ second.T / self.temperature).masked_fill(same, -torch.inf)
        truth = torch.arange(len(labels))
        return F.cross_entropy(likeness, truth) + F.cross_entropy(likeness.T, truth)


def _moved(images: Tensor) -> Tensor:
    """Each image a little shifted, turned and zoomed in its own way, and never mirrored."""
    moves = torch.eye(2, 3) + MOTION * torch.randn(len(images), 2, 3)
    grid = F.affine_grid(moves, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


@dataclass(frozen=True)
class ReIdentifier:
    """An embedding, the distance below which two images are taken for one patient, and the share
    of the pairs of held-out patients that it finds there."""

    network: nn.Module
    limit: float = np.nan
    recall: float = np.nan
    held_out_pairs: int = 0

    def points(self, split: Split) -> Tensor:
        """A point for each image: the closer two are, the more likely is one patient."""
        return logits(self.network, split)

    def pairs(self, split: Split) -> pd.DataFrame:
        """Images that are probably of one patient, each with its nearest; nearest pairs first."""
        points = self.points(split)
        apart, positions = nearest(points, points, 2)
        rows = torch.arange(len(points))
        other = torch.where(positions[:, 0] == rows, positions[:, 1], positions[:, 0])
        found = pd.DataFrame(
            {
                "image": torch.minimum(rows, other).numpy(),
                "other": torch.maximum(rows, other).numpy(),
                "distance": (points - points[other]).norm(dim=1).numpy(),
            }
        )
        found = found[found["distance"] < self.limit].drop_duplicates(["image", "other"])
        return found.sort_values("distance", ignore_index=True, kind="stable")


def train_reidentifier(
    named: Split, held_out: Split, config: TrainConfig = LESSON, rate: float = RATE
) -> ReIdentifier:
    """Learn from patients with several images; those of `held_out` fix the limit."""
    pairs = patient_pairs(named, config.seed)
    if len(pairs) < 2:
        raise ValueError(
            f"needs patients with several images to learn from, got {len(named)} images of "
            f"{len(np.unique(named.patients))} patients"
        )
    network = Embedding(build(BACKBONE, WIDTH, named.size, seed=config.seed))
    images = to_float(named.images).mean(1)[pairs]
    owners = torch.as_tensor(named.patients)[pairs[:, 0]]
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        fit_on_features(network, images[:, :, None], owners, config, PatientContrast())
    learned = ReIdentifier(network)
    apart, same = pair_distances(learned.points(held_out), held_out.patients)
    found, limit = recall_at(rate, apart, same)
    return replace(learned, limit=limit, recall=found, held_out_pairs=int(same.sum()))


def patient_pairs(split: Split, seed: int = 0) -> Tensor:
    """Positions (n, 2) of two images of one patient, at most `PAIRS` of each, drawn at random."""
    rng, found = np.random.default_rng(seed), []
    for rows in pd.Series(np.arange(len(split))).groupby(split.patients).indices.values():
        pairs = np.stack(np.triu_indices(len(rows), 1), 1)
        found.append(rows[rng.permutation(pairs)[:PAIRS]])
    return torch.from_numpy(np.concatenate(found).reshape(-1, 2))


def pair_distances(points: Tensor, patients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distance of every pair of images, and whether both are of one patient."""
    first, second = np.triu_indices(len(points), 1)
    apart = torch.pdist(points.float()).numpy()
    return apart, patients[first] == patients[second]


def recall_at(rate: float, apart: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """The share of the pairs of one patient that are found, and the limit, where at most `rate` of
    the pairs of two patients lie below it."""
    if not same.any():
        raise ValueError("no patient has two images, so nothing says which pairs are found")
    limit = -threshold_at(rate, -apart[~same])
    return float((apart[same] < limit).mean()), limit
