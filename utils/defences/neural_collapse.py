"""Neural collapse: how near the features of training images have come to a simplex.

After a long training the features of a class meet in one point. These points are as far apart as
possible, each along the direction of its class in the last layer (Papyan 2020). An ETF head sets
this state as the goal. All three measures are 0 there.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.base import eval_mode
from utils.defences.etf_head import ETFHead


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


def nc_measures_of(model: nn.Sequential, rows: Tensor, labels: Tensor) -> dict[str, float]:
    """The same for a neck with its head, from the inputs of the last layer at length 1.

    So heads that use the length of a feature and heads that do not are measured alike.
    """
    neck, head = model
    with torch.no_grad(), eval_mode(model):
        if isinstance(head, ETFHead):
            inputs, directions = head.align(neck(rows)), head.directions.T
        else:
            inputs, directions = F.normalize(head[0](neck(rows)), dim=1), head[-1].weight
    return nc_measures(inputs, labels, directions)


def _from_simplex(products: Tensor) -> float:
    """The distance of these products (classes, classes) from those of a simplex, at equal norm."""
    classes = len(products)
    goal = torch.eye(classes).double() - 1 / classes
    return float((F.normalize(products, dim=(0, 1)) - F.normalize(goal, dim=(0, 1))).norm())
