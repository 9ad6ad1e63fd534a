"""Small experiments that show whether an attack was carried out as it should be."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from utils.contamination.attacks import PGD, evaluating, input_gradient
from utils.evaluation import attacked_images, predict
from utils.predictions import Predictions
from utils.splits import Split, as_pixels


@dataclass(frozen=True)
class Probe:
    """Small experiments on some of the images."""

    attacked: Predictions
    doubled: Predictions  # with twice the steps
    full_range: Predictions  # with every pixel free
    saved: Predictions  # after rounding to 8 bits
    lowest: float  # over all attacked pixels
    highest: float
    largest_change: float
    trains: bool  # some part of the model was in training mode while attacked
    leaks: bool  # gradients were left in the weights
    dead_gradients: float  # share of images whose input gradient is zero or not finite


def probe(model: nn.Module, split: Split, attack: PGD) -> Probe:
    """Try the attack itself, with more steps, without a limit, and after saving."""
    modes, weights = [], list(model.parameters())
    before = [None if weight.grad is None else weight.grad.clone() for weight in weights]
    watch = model.register_forward_pre_hook(
        lambda part, _: modes.append(any(child.training for child in part.modules()))
    )
    shown = attacked_images(model, split, attack)
    watch.remove()
    leaks = any(_differs(weight.grad, old) for weight, old in zip(weights, before, strict=True))
    clean = as_pixels(split.images)
    return Probe(
        attacked=predict(model, split, _Given(shown)),
        doubled=predict(model, split, _doubled(attack)),
        full_range=predict(model, split, replace(attack, epsilon=1.0, step=None)),
        saved=predict(model, split, _Given((shown * 255).round() / 255)),
        lowest=float(shown.min()),
        highest=float(shown.max()),
        largest_change=float((shown - clean).abs().max()),
        trains=any(modes),
        leaks=leaks,
        dead_gradients=_dead_gradients(model, split),
    )


class _Given:
    """Shows images that were attacked before, batch by batch."""

    def __init__(self, shown: Tensor):
        self.left = shown

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        batch, self.left = self.left[: len(images)], self.left[len(images) :]
        return batch.to(images.device)


def _doubled(attack: PGD) -> PGD:
    """Twice the steps of the same length: what more patience would find."""
    return replace(attack, steps=2 * attack.steps, step=attack.step_size)


def _differs(gradient, before) -> bool:
    if gradient is None or before is None:
        return gradient is not before
    return not torch.equal(gradient, before)


def _dead_gradients(model: nn.Module, split: Split) -> float:
    """Share of images whose loss does not say in which direction it grows."""
    device = next(model.parameters()).device
    images, labels = as_pixels(split.images.to(device)), split.labels.to(device)
    with evaluating(model):
        gradient = input_gradient(model, images, labels).flatten(1)
    alive = gradient.isfinite().all(1) & (gradient != 0).any(1)
    return float((~alive).float().mean())
