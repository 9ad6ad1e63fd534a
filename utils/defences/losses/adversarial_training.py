"""Training-time defence: learn from attacked images."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.adaptive import with_margin
from utils.attacks.base import Attack, eval_mode
from utils.attacks.losses import check_one_label
from utils.attacks.norms import LInf
from utils.attacks.pgd import PGD, loss_and_gradient
from utils.defences.base import Defence
from utils.run import autocast
from utils.training.losses import CrossEntropy, LogitLoss

FOR_FINDINGS = "choose AdversarialLoss with own=FindingsCrossEntropy()"
START = 1e-3  # of the random start: at the image itself the divergence has no gradient


class PairLoss:
    """A loss of clean and attacked images in two parts: the attack, and what is learned from it.

    So another loss can contain it and learn from the same attacked images elsewhere.
    """

    def attacked(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        """The images of the batch after the attack of this epoch."""
        raise NotImplementedError

    def of_pair(self, model: nn.Module, images: Tensor, attacked: Tensor, labels: Tensor) -> Tensor:
        """The loss, given the attacked images."""
        raise NotImplementedError

    @property
    def pair_passes(self) -> int:
        """Forward and backward passes per training image after the attack."""
        return 4

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        return self.of_pair(model, images, self.attacked(model, images, labels, epoch), labels)


@dataclass(frozen=True)
class AdversarialLoss(PairLoss):
    """(1 - weight) of its own loss on clean images, `weight` of the same loss under attack.

    With `grow` the attack reaches its full epsilon and steps only after that many epochs
    (curriculum, Cai 2018). Clean and attacked images pass as one batch, so that batch norm sees
    the mixture of both; at weight 1 only the attacked ones.
    """

    attack: PGD
    weight: float = 0.5
    grow: int = 0  # epochs
    own: LogitLoss = CrossEntropy()

    def attacked(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        return self.at(epoch)(model, images, labels)

    def of_pair(self, model: nn.Module, images: Tensor, attacked: Tensor, labels: Tensor) -> Tensor:
        if self.weight == 1:
            return self.own.of(model(attacked).float(), labels)
        clean, under_attack = model(torch.cat([images, attacked])).float().chunk(2)
        return (1 - self.weight) * self.own.of(clean, labels) + (
            self.weight * self.own.of(under_attack, labels)
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

    def passes(self, epoch: int) -> int:
        """An upper bound: an attack that stops early needs fewer."""
        return 2 * self.at(epoch).steps + self.pair_passes

    @property
    def pair_passes(self) -> int:
        return 2 if self.weight == 1 else 4


class Hardened(Defence):
    """A network that its training has made robust: nothing stands before it, nothing is hidden.

    The adaptive attack climbs the margin, too: some losses leave a network so sure, or so unsure,
    that the gradient of the cross-entropy is a bad guide.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images)

    def variants(self, attack: Attack) -> tuple[Attack, ...]:
        return with_margin(attack)


def fast_adversarial(epsilon: float, **settings) -> AdversarialLoss:
    """One long step from a random start, and no clean images (Wong 2020): fast, may collapse."""
    return AdversarialLoss(PGD(epsilon, steps=1, step=1.25 * epsilon, **settings), weight=1.0)


@dataclass(frozen=True)
class TradesLoss(PairLoss):
    """The loss on clean images, plus `beta` times how far an attack moves the predictions.

    The attack uses no labels: it moves the prediction away from that for the clean image, and
    training pulls the two together (TRADES, Zhang 2019). Clean and attacked images pass as one
    batch, as above. The attack computes in float32: a shorter format would round its start away.
    """

    epsilon: float = 8 / 255
    steps: int = 10
    beta: float = 6.0
    own: LogitLoss = CrossEntropy()  # on the clean images

    def of_pair(self, model: nn.Module, images: Tensor, attacked: Tensor, labels: Tensor) -> Tensor:
        check_one_label(labels, "TRADES", FOR_FINDINGS)
        clean, under_attack = model(torch.cat([images, attacked])).float().chunk(2)
        moved = divergence(clean, under_attack).mean()
        return self.own.of(clean, labels) + self.beta * moved

    def attacked(
        self, model: nn.Module, images: Tensor, labels: Tensor | None = None, epoch: int = 0
    ) -> Tensor:
        """Images in the epsilon box whose predictions are far from those for the clean ones."""
        found, step = images + LInf.start(images, START), 2.5 * self.epsilon / self.steps
        with eval_mode(model), autocast(images.device, "float32"):
            with torch.no_grad():
                clean = model(images).float()
            for _ in range(self.steps):
                _, _, gradient = loss_and_gradient(
                    model, found, lambda logits: divergence(clean, logits)
                )
                change = found + step * LInf.direction(gradient) - images
                found = (images + LInf.project(change, self.epsilon)).clamp(0, 1)
        return found

    def passes(self, epoch: int) -> int:
        return 1 + 2 * self.steps + self.pair_passes


def divergence(clean: Tensor, attacked: Tensor) -> Tensor:
    """Kullback-Leibler divergence between the predictions in two batches of logits, per image."""
    return F.kl_div(
        attacked.log_softmax(1), clean.log_softmax(1), reduction="none", log_target=True
    ).sum(1)


def collapsed_epochs(history: list[dict], gap: float = 0.25) -> list[int]:
    """The epochs (from 1) in which one step did far less harm than many: the gradient misleads.

    Needs a history whose score is under many steps, with the `one_step` score beside it.
    """
    return [row["epoch"] + 1 for row in history if row["one_step"] - row["score"] > gap]
