"""A universal perturbation: made once from the attacker's images, then added to any other."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.base import eval_mode
from utils.attacks.losses import Loss
from utils.attacks.pgd import loss_and_gradient
from utils.data.split import Split, batches, to_float
from utils.run import device_of

LOSS_CAP = 3.0  # an image with a larger loss is fooled already and has no gradient


@dataclass(frozen=True, eq=False)
class Universal:
    """Adds the same change to every image, for any model."""

    epsilon: float
    pattern: Tensor = field(repr=False)  # (1, channels, height, width), from -1 to 1

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return (images + self.epsilon * self.pattern.to(images)).clamp(0, 1)


def fit_universal(
    model: nn.Module, known: Split, epsilon: float = 8 / 255, rounds: int = 10, seed: int = 0
) -> Universal:
    """The change within epsilon that hurts most over the `known` images (Shafahi 2020)."""
    device = device_of(model)
    pattern = torch.zeros_like(to_float(known.images[:1])).to(device)
    with torch.random.fork_rng(), eval_mode(model):
        torch.manual_seed(seed)
        for _ in range(rounds):
            for images, labels in batches(known, 128, shuffle=True):
                attacked = (to_float(images.to(device)) + epsilon * pattern).clamp(0, 1)
                gradient = loss_and_gradient(model, attacked, _capped_loss(labels.to(device)))[2]
                pattern = pattern + 2.5 / rounds * gradient.sum(0, keepdim=True).sign()
                pattern = pattern.clamp(-1, 1)
    return Universal(epsilon, pattern)


def _capped_loss(labels: Tensor) -> Loss:
    return lambda logits: F.cross_entropy(logits, labels, reduction="none").clamp_max(LOSS_CAP)
