"""Training-time defence: attacked images, and most of all those that are misclassified (MART)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.losses import check_one_label
from utils.attacks.pgd import PGD
from utils.defences.losses.adversarial_training import FOR_FINDINGS, PairLoss, divergence
from utils.training.losses import CrossEntropy, LogitLoss


@dataclass(frozen=True)
class MartLoss(PairLoss):
    """The loss under attack, the lead over the likeliest other class, and `beta` times how far
    the attack moves the prediction, most for images of which the model is unsure (Wang 2020).

    The lead is -log(1 - p) of the likeliest other class: with the loss it makes the boosted
    cross-entropy of the paper. Each divergence is weighed by 1 - p of the label on the clean
    image. Clean and attacked images pass as one batch, as in TRADES.
    """

    attack: PGD
    beta: float = 5.0
    own: LogitLoss = CrossEntropy()  # under attack

    def attacked(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        return self.attack(model, images, labels)

    def of_pair(self, model: nn.Module, images: Tensor, attacked: Tensor, labels: Tensor) -> Tensor:
        check_one_label(labels, "MART", FOR_FINDINGS)
        clean, under_attack = model(torch.cat([images, attacked])).float().chunk(2)
        unsure = 1 - clean.softmax(1).gather(1, labels[:, None])[:, 0]
        moved = (unsure * divergence(clean, under_attack)).mean()
        boosted = self.own.of(under_attack, labels) + against_runner_up(under_attack, labels).mean()
        return boosted + self.beta * moved

    def passes(self, epoch: int) -> int:
        """An upper bound: an attack that stops early needs fewer."""
        return 2 * self.attack.steps + self.pair_passes


def against_runner_up(logits: Tensor, labels: Tensor) -> Tensor:
    """-log(1 - p) of the likeliest class other than the label, per image.

    1 - p is summed from the other classes: no difference of numbers near 1 is rounded away.
    """
    logs = logits.log_softmax(1)
    runner_up = logs.scatter(1, labels[:, None], -torch.inf).argmax(1)
    others = logs.masked_fill(F.one_hot(runner_up, logs.shape[1]).bool(), -torch.inf)
    return -others.logsumexp(1)
