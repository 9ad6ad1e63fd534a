"""How differently do the members of an ensemble err, and do their gradients point the same way?"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.base import eval_mode
from utils.attacks.losses import margin
from utils.attacks.pgd import loss_and_gradient
from utils.data.split import Split, batches, to_float
from utils.evaluation.inference import BATCH
from utils.evaluation.intervals import Interval, mean_of
from utils.evaluation.predictions import Predictions
from utils.run import device_of


def wrong_at_once(found: Sequence[Predictions]) -> np.ndarray:
    """The shares of the images on which none, one, two ... and all of the members err."""
    wrong = np.sum([~each.right for each in found], 0)
    return np.bincount(wrong, minlength=len(found) + 1) / len(wrong)


def wrong_by_chance(found: Sequence[Predictions]) -> np.ndarray:
    """The same shares if each member erred as often in every class, but independently."""
    labels, shares = found[0].labels, np.zeros(len(found) + 1)
    for label in np.unique(labels):
        of_class, counts = labels == label, np.ones(1)
        for each in found:
            error = (~each.right[of_class]).mean()
            counts = np.convolve(counts, [1 - error, error])
        shares += of_class.mean() * counts
    return shares


def slope_cosines(
    models: Mapping[str, nn.Module], split: Split
) -> dict[tuple[str, str], tuple[Interval, Interval]]:
    """For each two models the mean cosine between their gradients: about one image, then about two.

    1 means that what harms one model most harms the other most, 0 that it does nothing. The
    gradients are those of the margin. The second number is the control: what the two have in
    common whatever they see, such as a grid that strides leave.
    """
    slopes = {name: _slopes(model, split) for name, model in models.items()}
    found = {}
    for one, other in combinations(slopes, 2):
        same, control = (
            (slopes[one] * shown).sum(1) for shown in (slopes[other], slopes[other].roll(1, 0))
        )
        found[one, other] = tuple(mean_of(each.numpy(), split.patients) for each in (same, control))
    return found


def _slopes(model: nn.Module, split: Split) -> Tensor:
    """The gradient of the margin at each image, as a vector of length 1."""
    device, rows = device_of(model), []
    with eval_mode(model):
        for images, labels in batches(split, BATCH):
            pixels, truth = to_float(images.to(device)), labels.to(device)
            gradient = loss_and_gradient(model, pixels, lambda z, y=truth: margin(z, y))[2]
            rows.append(F.normalize(gradient.flatten(1), dim=1).cpu())
    return torch.cat(rows)
