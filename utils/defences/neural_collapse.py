"""Neural collapse: how near the features of training images have come to the simplex.

At the end of a long training the images of a class lie on one point, and these points as far
apart as so many can be, each along the direction of its class in the last layer (Papyan 2020).
An ETF head sets this end as the goal. All three measures are 0 there.
"""

from dataclasses import dataclass

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

    NC1: the spread within the classes, in units of that between them. NC2: how far the class
    means are from a simplex; NC3: how far from one they are together with the directions.
    Each class counts the same; one without images does not count.
    """
    present = labels.unique()
    if len(present) < 2:
        raise ValueError("images of one class alone have no distance from other classes")
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
    """The same of a model: of the features that its last layer meets, at length 1.

    So heads that look at the length of a feature and heads that do not are measured alike.
    Of peers the first is measured, which answers for all.
    """
    one = model.members[0] if isinstance(model, MutualPeers) else model
    met = torch.from_numpy(features(one, split)).to(one.mean.device)
    with torch.no_grad(), eval_mode(one):
        met, directions = _last_layer(one.head, met)
    return nc_measures(F.normalize(met, dim=1).cpu(), split.labels, directions.cpu())


@dataclass(frozen=True, repr=False)
class WatchedCollapse:
    """Another score decides; how far the images `seen` have collapsed is noted beside it."""

    seen: Split
    score: EpochScore = ValidationScore()

    def __repr__(self) -> str:  # by which checkpoints tell one from another
        return f"WatchedCollapse({self.seen.fingerprint}, {self.score!r})"

    def __call__(self, model: nn.Module, validation: Split, clean: Predictions) -> dict:
        return {**self.score(model, validation, clean), **nc_measures_of(model, self.seen)}


def _last_layer(head: nn.Module, features: Tensor) -> tuple[Tensor, Tensor]:
    """What the class directions are compared with, and these directions (classes, width)."""
    if isinstance(head, ETFHead):
        return head.aligned(features), head.directions.T
    *before, last = head if isinstance(head, nn.Sequential) else [head]
    return nn.Sequential(*before)(features), last.weight


def _from_simplex(products: Tensor) -> float:
    """The distance of these products (classes, classes) from those of a simplex; sizes apart."""
    classes = len(products)
    goal = torch.eye(classes).double() - 1 / classes
    return float((F.normalize(products, dim=(0, 1)) - F.normalize(goal, dim=(0, 1))).norm())
