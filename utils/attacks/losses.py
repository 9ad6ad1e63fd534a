"""The losses that an attack climbs: (logits, labels) -> one number per image.

The first two push an image over the boundary of its class. The others leave the class alone
and move what a rejector measures: how confident the model is (Inkawhich 2023).

Labels are one class per image, (n,), or 0 and 1 for every finding, (n, findings). With findings,
a logit above 0 predicts one; an image is fooled where any finding is wrong, and a target is the
label of all findings: 0 makes an image healthy.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

AttackLoss = Callable[[Tensor], Tensor]  # logits -> one number per image
LabelLoss = Callable[[Tensor, Tensor], Tensor]
FAR_ENOUGH_LOGIT = 1.0  # a finding this far on the wrong side needs no further push
FOR_FINDINGS = "choose PGD, FGSM, Square, or APGD with the loss cross_entropy or margin"


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The usual loss of a classifier, one number per image; the mean over findings."""
    if labels.dim() == 2:
        each = F.binary_cross_entropy_with_logits(logits, labels.to(logits), reduction="none")
        return each.mean(1)
    return F.cross_entropy(logits, labels, reduction="none")


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """How far the best other class, or the worst finding, lies ahead: positive means fooled.

    Unlike the cross-entropy it does not flatten where the model is very confident, and unlike
    the DLR loss of AutoAttack it needs no third class.
    """
    if labels.dim() == 2:
        return wrong_side(logits, labels).amax(1)
    of_others = logits.scatter(1, labels[:, None], -torch.inf).max(1).values
    return of_others - logits.gather(1, labels[:, None])[:, 0]


def wrong_side(logits: Tensor, labels: Tensor) -> Tensor:
    """How far the logit of each finding lies on the wrong side of 0: (n, findings)."""
    return (1 - 2 * labels.to(logits)) * logits


def is_right(logits: Tensor, labels: Tensor) -> Tensor:
    """Whether the label of each image, or all of its findings, are predicted."""
    if labels.dim() == 2:
        return ((logits > 0) == labels.bool()).all(1)
    return logits.argmax(1) == labels


def check_one_label(labels: Tensor, what: str, instead: str = FOR_FINDINGS) -> None:
    """An error where images have several findings, and what takes them."""
    if labels.dim() != 1:
        findings = labels.shape[1]
        raise ValueError(f"{what} needs one label per image, got {findings} findings; {instead}")


@dataclass(frozen=True)
class OneFinding:
    """Push the logit of one finding over 0, and leave the others alone."""

    finding: int

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        return wrong_side(logits, labels)[:, self.finding]

    def margin(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Above 0 where the finding is wrong."""
        return self(logits, labels)


@dataclass(frozen=True)
class AllFindings:
    """Push the logits of all findings over 0; one that is far enough there pulls no more."""

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        return wrong_side(logits, labels).clamp_max(FAR_ENOUGH_LOGIT).sum(1)

    def margin(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Above 0 where every finding is wrong."""
        return wrong_side(logits, labels).amin(1)


def lead_of(logits: Tensor, ahead: Tensor, behind: Tensor) -> Tensor:
    """How far one class of each image lies ahead of another."""
    return torch.sub(*logits.gather(1, torch.stack([ahead, behind], 1)).T)


def success_margin(
    logits: Tensor,
    labels: Tensor,
    target: int | None = None,
    margin_of: LabelLoss = margin,
) -> Tensor:
    """Above 0 where an attack succeeds: another class leads or, with a target, the target does."""
    if target is None:
        return margin_of(logits, labels)
    return -margin_of(logits, torch.full_like(labels, target))


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


def margin_named(name: str | LabelLoss) -> LabelLoss | None:
    """What is above 0 where an attack with this loss succeeds; None if it crosses no boundary."""
    return margin if name in CLASS_LOSSES else getattr(name, "margin", None)
