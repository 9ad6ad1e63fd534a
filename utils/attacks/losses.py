"""What an attacker makes grow: (logits, labels) -> one number per image.

The first two push an image over the boundary of its class. The others leave classes alone
and move what a rejector looks at: how sure the model is of anything (Inkawhich 2023).
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits, labels, reduction="none")


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """How far the best other class lies ahead: positive means fooled.

    Unlike the cross-entropy it does not flatten where the model is very sure, and unlike
    the DLR loss of AutoAttack it needs no third class.
    """
    of_others = logits.scatter(1, labels[:, None], -torch.inf).max(1).values
    return of_others - logits.gather(1, labels[:, None])[:, 0]


def energy(logits: Tensor) -> Tensor:
    """High where some class is likely, whichever (Liu 2020)."""
    return logits.logsumexp(1)


def confidence(logits: Tensor) -> Tensor:
    """The probability of the likeliest class."""
    return logits.softmax(1).max(1).values


LOSSES = {
    "cross_entropy": cross_entropy,
    "margin": margin,
    "energy": lambda logits, labels: energy(logits),
    "less energy": lambda logits, labels: -energy(logits),
    "confidence": lambda logits, labels: logits.log_softmax(1).max(1).values,
    "less confidence": lambda logits, labels: -logits.log_softmax(1).max(1).values,
}
OVER_THE_BOUNDARY = ("cross_entropy", "margin")


def loss_named(name: str):
    if name not in LOSSES:
        raise ValueError(f"unknown gain {name!r}; choose from {', '.join(LOSSES)}")
    return LOSSES[name]
