"""Neural collapse: how near the features of training images have come to a simplex.

After a long training the features of a class meet in one point. These points are as far apart as
possible, each along the direction of its class in the last layer (Papyan 2020). An ETF head sets
this state as the goal. All three measures are 0 there.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.base import eval_mode
from utils.backbones import Classifier
from utils.data.split import Split
from utils.defences.etf_head import ETFHead
from utils.defences.mutual_learning import MutualPeers
from utils.evaluation.predict import features
from utils.evaluation.predictions import Predictions
from utils.training.losses import EpochScore, ValidationScore


def nc_measures(features: Tensor, labels: Tensor, directions: Tensor) -> dict[str, float]:
    """NC1, NC2 and NC3 of features (images, width) and class directions (classes, width).

    NC1: the spread within the classes, in units of that between them. NC2: the distance of the
    class means from a simplex. NC3: the same of means and directions together. Each class counts
    the same; one without images does not count.
    """
    present = labels.unique()
    if len(present) < 2:
        raise ValueError(
            "images of one class alone have no distance from others; give two classes or more"
        )
    features, directions = features.detach().double(), directions.detach().double()
    of_class = [features[labels == number] for number in present]
    means = torch.stack([images.mean(0) for images in of_class])
    centred = means - means.mean(0)
    between = torch.linalg.pinv(centred, rtol=1e-8)  # (width, classes): spread 1 between them
    pairs = zip(of_class, means, strict=True)
    within = [((rows - mean) @ between).square().sum(1).mean() for rows, mean in pairs]
    return {
        "NC1": float(torch.stack(within).mean()),
        "NC2": _from_simplex(centred @ centred.T),
        "NC3": _from_simplex(directions[present] @ centred.T),
    }


def nc_measures_of(model: Classifier | MutualPeers, split: Split) -> dict[str, float]:
    """The same for a model, from the inputs of its last layer at length 1.

    So heads that use the length of a feature and heads that do not are measured alike. Of mutual
    peers the first is measured, because it predicts.
    """
    one = model.members[0] if isinstance(model, MutualPeers) else model
    found = torch.from_numpy(features(one, split)).to(one.mean.device)
    with torch.no_grad(), eval_mode(one):
        inputs, directions = _last_layer(one.head, found)
    return nc_measures(F.normalize(inputs, dim=1).cpu(), split.labels, directions.cpu())


@dataclass(frozen=True)
class WatchedCollapse:
    """Another score decides; the collapse of the features of `images` is recorded beside it."""

    images: Split = field(repr=False)
    score: EpochScore = ValidationScore()

    def __call__(self, model: nn.Module, validation: Split, clean: Predictions) -> dict[str, float]:
        return {**self.score(model, validation, clean), **nc_measures_of(model, self.images)}


def _last_layer(head: nn.Module, features: Tensor) -> tuple[Tensor, Tensor]:
    """The inputs of the last layer, and its class directions (classes, width)."""
    if isinstance(head, ETFHead):
        return head.align(features), head.directions.T
    *before, last = head if isinstance(head, nn.Sequential) else [head]
    return nn.Sequential(*before)(features), last.weight


def _from_simplex(products: Tensor) -> float:
    """The distance of these products (classes, classes) from those of a simplex, at equal norm."""
    classes = len(products)
    goal = torch.eye(classes).double() - 1 / classes
    return float((F.normalize(products, dim=(0, 1)) - F.normalize(goal, dim=(0, 1))).norm())
