"""Experiments with the gradients: are they there, and do they say how the model will change?"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.base import eval_mode
from utils.attacks.pgd import input_gradient, loss_and_gradient
from utils.data.split import Split, to_float
from utils.run import autocast, device_of

DIRECTIONS = 16  # for each image
# Steps in each direction, forwards and backwards. The first is small, but not below the grid of a
# file. A steep network bends within it, and its gradient holds for shorter ones; rounding with a
# stand-in for its gradient shows what that is worth over a longer one.
STEP = 2 / 255
STEPS = (STEP, STEP / 16, STEP / 256, 4 * STEP)
AGREES = 0.5  # cosine of the slopes; where nothing leads anywhere it is about 0


def dead_gradients(model: nn.Module, split: Split) -> float:
    """Share of images whose input gradient is zero or not finite."""
    images, labels = _at_hand(model, split)
    with eval_mode(model):
        gradient = input_gradient(model, images, labels).flatten(1)
    alive = gradient.isfinite().all(1) & (gradient != 0).any(1)
    return float((~alive).float().mean())


def slope_agreements(model: nn.Module, split: Split) -> dict[float, float]:
    """The agreement by the length of the steps, until one agrees.

    No gradient holds far on a function that bends. So a gradient that fails at one length is wrong
    only if it fails at all: where rounding, JPEG or a detached tensor stands before the pixels.
    """
    found = {}
    for step in STEPS:
        found[step] = slope_agreement(model, split, step)
        if found[step] >= AGREES:
            break
    return found


def slope_agreement(model: nn.Module, split: Split, step: float = STEP) -> float:
    """Cosine between the slopes that the gradient predicts and those measured by small steps.

    The slopes are those of the lead of the true class over its closest rival, in random
    directions; the median over the images. Near 1 where the gradient reaches the pixels and the
    function is straight over a step; near 0 where something else stands between. No scale of the
    logits matters.
    """
    images, labels = _at_hand(model, split)
    images = images.clamp(step, 1 - step)  # the steps stay in the range of pixels
    moves = _signs(images, step)
    with torch.random.fork_rng(), eval_mode(model), autocast(images.device, "float32"):
        lead = _lead(model, images, labels)
        gradient = loss_and_gradient(model, images, lead)[2]
        expected = (moves * gradient).flatten(2).sum(2)
        with torch.no_grad():
            found = [lead(model(images + m)) - lead(model(images - m)) for m in moves]
    agreement = F.cosine_similarity(expected / step, torch.stack(found) / step, dim=0)
    return float(agreement.nan_to_num().median())


def _lead(model: nn.Module, images: Tensor, labels: Tensor):
    """Logits to the lead over the class that is closest on the images as they are; of several
    findings, to how far the one that is closest to turning lies on its side."""
    with torch.no_grad():
        if labels.dim() == 2:
            closest = model(images).float().abs().argmin(1)[:, None]
            return lambda logits: logits.float().gather(1, closest)[:, 0]
        rivals = model(images).float().scatter(1, labels[:, None], -torch.inf).argmax(1)
    pair = torch.stack([labels, rivals], 1)
    return lambda logits: torch.sub(*logits.float().gather(1, pair).T)


def _signs(images: Tensor, step: float) -> Tensor:
    """(directions, *images): every pixel a step up or down, always the same."""
    generator = torch.Generator().manual_seed(0)
    ones = torch.randint(0, 2, (DIRECTIONS, *images.shape), generator=generator)
    return (step * (2.0 * ones - 1)).to(images)


def _at_hand(model: nn.Module, split: Split) -> tuple[Tensor, Tensor]:
    device = device_of(model)
    return to_float(split.images.to(device)), split.labels.to(device)
