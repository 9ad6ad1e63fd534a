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
    norm sees the mixture it will be asked about; at weight 1 only the attacked ones.
    """

    attack: PGD
    weight: float = 0.5
    grow: int = 0  # epochs
    class_weights: tuple[float, ...] | None = None

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        attacked = self.at(epoch)(model, images, labels)
        weights = self.class_weights and images.new_tensor(self.class_weights)
        if self.weight == 1:
            return F.cross_entropy(model(attacked).float(), labels, weights)
        clean, under_attack = model(torch.cat([images, attacked])).float().chunk(2)
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


def fast_adversarial(epsilon: float, **settings) -> AdversarialLoss:
    """One long step from a random start, and no clean images (Wong 2020): quick, but watch it."""
    return AdversarialLoss(PGD(epsilon, steps=1, step=1.25 * epsilon, **settings), weight=1.0)


def collapsed(history: list[dict], gap: float = 0.25) -> list[int]:
    """The epochs (from 1) in which one step hurt far less than many: the gradient misleads.

    Needs a history whose score is that under many steps, with the `one_step` score beside it.
    """
    return [row["epoch"] + 1 for row in history if row["one_step"] - row["score"] > gap]
