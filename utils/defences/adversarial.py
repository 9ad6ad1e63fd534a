"""Training-time defence: learn from the images an attacker would show."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.contamination.attacks import PGD


@dataclass(frozen=True)
class AdversarialLoss:
    """(1 - weight) of the loss on clean images, `weight` of the loss under attack.

    With `grow` the attack reaches its full epsilon and steps only after that many epochs
    (curriculum, Cai 2018). Clean and attacked images pass as one batch, so that batch
    norm sees the mixture it will be asked about.
    """

    attack: PGD
    weight: float = 0.5
    grow: int = 0  # epochs
    class_weights: tuple[float, ...] | None = None

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        attacked = self.at(epoch)(model, images, labels)
        clean, under_attack = model(torch.cat([images, attacked])).float().chunk(2)
        weights = self.class_weights and clean.new_tensor(self.class_weights)
        return (1 - self.weight) * F.cross_entropy(clean, labels, weights) + (
            self.weight * F.cross_entropy(under_attack, labels, weights)
        )

    def at(self, epoch: int) -> PGD:
        """The attack of this epoch."""
        share = min(1.0, (epoch + 1) / (self.grow + 1))
        return replace(
            self.attack,
            epsilon=share * self.attack.epsilon,
            step=self.attack.step and share * self.attack.step,
            steps=max(1, round(share * self.attack.steps)),
        )
