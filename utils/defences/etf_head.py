"""A head with fixed class directions: no frequent class can push a rare one aside.

The directions form an equiangular tight frame (ETF): all as far apart as possible. Features learn
to point along them (dot regression, Yang 2022).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

SCALE = 16.0  # logits per cosine: a feature on its direction is then sure of its class


def simplex_etf(width: int, classes: int, seed: int = 0) -> Tensor:
    """Unit vectors (width, classes); any two have the cosine -1 / (classes - 1)."""
    if not 2 <= classes <= width:
        raise ValueError(
            f"features of {width} numbers have room for 2 to {width} directions, not {classes}; "
            "take a wider backbone"
        )
    drawn = torch.randn(width, classes, generator=Generator().manual_seed(seed)).double()
    basis = torch.linalg.qr(drawn).Q
    centred = torch.eye(classes, dtype=torch.float64) - 1 / classes
    return (math.sqrt(classes / (classes - 1)) * basis @ centred).float()


class ETFHead(nn.Module):
    """SCALE times the cosines between a feature and the directions, which do not train.

    A batch norm centres the features first: after a ReLU they are never negative, and their
    cosine with a direction could not exceed about 0.7.
    """

    def __init__(self, width: int, classes: int, seed: int = 0):
        super().__init__()
        self.centre = nn.BatchNorm1d(width)
        self.register_buffer("directions", simplex_etf(width, classes, seed))

    def align(self, features: Tensor) -> Tensor:
        """The features centred and at length 1, ready to be compared with the directions."""
        return F.normalize(self.centre(features.float()), dim=1)

    def forward(self, features: Tensor) -> Tensor:
        return SCALE * self.align(features) @ self.directions


def head_on_features(
    inputs: int, classes: int, fixed: bool, width: int = 128, seed: int = 0
) -> nn.Sequential:
    """For features of a frozen network: a neck of two layers, then directions fixed or learned.

    Both heads have the neck and a batch norm before the last layer, so what a fixed one gains over
    a learned one is due to its directions and its loss. NC-FSCIL (Yang 2023) has three layers.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.BatchNorm1d(inputs, affine=False), nn.Linear(inputs, width)]
        layers += [nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width)]
        learned = nn.Sequential(nn.BatchNorm1d(width), nn.Linear(width, classes))
    head = ETFHead(width, classes, seed) if fixed else learned
    return nn.Sequential(nn.Sequential(*layers), head).eval()


@dataclass(frozen=True)
class DotRegression:
    """Half the squared distance from 1 of the cosine between a feature and its class direction.

    With `rectified` (RECT), a rarer class gets a longer direction, so that all classes present in
    a batch weigh the same. The model's head must be an ETFHead. NC-FSCIL (Yang 2023) takes ten
    times this loss: a learning rate ten times as high under SGD, and no change under AdamW.
    """

    rectified: bool = False

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        if not any(isinstance(part, ETFHead) for part in model.modules()):
            raise TypeError("dot regression needs a model with an ETFHead; use head_on_features")
        return self.of(model(images).float(), labels)

    def of(self, logits: Tensor, labels: Tensor) -> Tensor:
        cosines = logits.gather(1, labels[:, None])[:, 0] / SCALE
        lengths = rect_lengths(labels, logits.shape[1])[labels] if self.rectified else 1.0
        return (0.5 * lengths**2 * (cosines - 1) ** 2).mean()

    def passes(self, epoch: int) -> int:
        return 2


def rect_lengths(labels: Tensor, classes: int) -> Tensor:
    """The length of each class direction: root of (images per present class / images of this one).

    A class without images in the batch keeps the length 1.
    """
    counts = torch.bincount(labels, minlength=classes)
    mean = len(labels) / (counts > 0).sum()
    return torch.where(counts > 0, mean / counts.clamp_min(1), 1.0).sqrt()
