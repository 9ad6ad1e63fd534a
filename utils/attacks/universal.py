"""A universal perturbation: made once from the attacker's images, then added to any other."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from utils.attacks.base import eval_mode, unless_reached
from utils.attacks.losses import Loss, cross_entropy
from utils.attacks.pgd import loss_and_gradient
from utils.data.split import Split, batches, to_float
from utils.run import device_of

LOSS_CAP = 3.0  # an image with a larger loss is fooled already and has no gradient


@dataclass(frozen=True, eq=False)
class Universal:
    """Adds the same change to every image, for any model."""

    epsilon: float
    pattern: Tensor = field(repr=False)  # (1, channels, height, width), from -1 to 1
    target: int | None = None  # images that are predicted as it already stay as they are

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        attacked = (images + self.epsilon * self.pattern.to(images)).clamp(0, 1)
        return unless_reached(model, images, attacked, self.target)


def fit_universal(
    model: nn.Module,
    known: Split,
    epsilon: float = 8 / 255,
    rounds: int = 10,
    seed: int = 0,
    target: int | None = None,
) -> Universal:
    """The change within epsilon that hurts most over the `known` images (Shafahi 2020).

    With a target, the change that brings most of them to this class.
    """
    device = device_of(model)
    pattern = torch.zeros_like(to_float(known.images[:1])).to(device)
    with torch.random.fork_rng(), eval_mode(model):
        torch.manual_seed(seed)
        for _ in range(rounds):
            for images, labels in batches(known, 128, shuffle=True):
                attacked = (to_float(images.to(device)) + epsilon * pattern).clamp(0, 1)
                loss = universal_loss(labels.to(device), target)
                gradient = loss_and_gradient(model, attacked, loss)[2]
                pattern = pattern + 2.5 / rounds * gradient.sum(0, keepdim=True).sign()
                pattern = pattern.clamp(-1, 1)
    return Universal(epsilon, pattern, target)


def universal_loss(labels: Tensor, target: int | None = None) -> Loss:
    """What a change for all images climbs: an image that is fooled for sure counts no more."""
    if target is None:
        return lambda logits: cross_entropy(logits, labels).clamp_max(LOSS_CAP)
    return lambda logits: -cross_entropy(logits, torch.full_like(labels, target))
