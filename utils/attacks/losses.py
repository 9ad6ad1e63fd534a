"""The losses that an attack climbs: (logits, labels) -> one number per image.

The first two push an image over the boundary of its class. The others leave the class alone
and move what a rejector measures: how confident the model is (Inkawhich 2023).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

AttackLoss = Callable[[Tensor], Tensor]  # logits -> one number per image
LabelLoss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The usual loss of a classifier, one number per image."""
    return F.cross_entropy(logits, labels, reduction="none")


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """How far the best other class lies ahead: positive means fooled.

    Unlike the cross-entropy it does not flatten where the model is very confident, and unlike
    the DLR loss of AutoAttack it needs no third class.
    """
    of_others = logits.scatter(1, labels[:, None], -torch.inf).max(1).values
    return of_others - logits.gather(1, labels[:, None])[:, 0]


def lead_of(logits: Tensor, ahead: Tensor, behind: Tensor) -> Tensor:
    """How far one class of each image lies ahead of another."""
    return torch.sub(*logits.gather(1, torch.stack([ahead, behind], 1)).T)


def success_margin(logits: Tensor, labels: Tensor, target: int | None = None) -> Tensor:
    """Above 0 where an attack succeeds: another class leads or, with a target, the target does."""
    if target is None:
        return margin(logits, labels)
    return -margin(logits, torch.full_like(labels, target))


def energy(logits: Tensor) -> Tensor:
    """High where some class is likely, whichever (Liu 2020)."""
    return logits.logsumexp(1)


def confidence(logits: Tensor) -> Tensor:
    """The probability of the likeliest class."""
    return logits.softmax(1).max(1).values


LOSSES: dict[str, LabelLoss] = {
    "cross_entropy": cross_entropy,
    "margin": margin,
    "energy": lambda logits, labels: energy(logits),
    "less energy": lambda logits, labels: -energy(logits),
    "confidence": lambda logits, labels: logits.log_softmax(1).max(1).values,
    "less confidence": lambda logits, labels: -logits.log_softmax(1).max(1).values,
}
CLASS_LOSSES = ("cross_entropy", "margin")  # those that push an image over a class boundary


def loss_named(name: str | LabelLoss) -> LabelLoss:
    """The loss of this name; a loss itself, such as that of an attack on a defence, as it is."""
    if callable(name):
        return name
    if name not in LOSSES:
        raise ValueError(f"unknown loss {name!r}; choose from {', '.join(LOSSES)}")
    return LOSSES[name]
