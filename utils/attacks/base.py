"""What an attack is, and what the attack suite and the red flags use of it where it is there."""

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor, nn

from utils.attacks.losses import check_one_label, is_right, success_margin


class Attack(Protocol):
    """(model, images, labels) -> images that the model should get wrong; all pixels in [0, 1]."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, /) -> Tensor: ...


class SizedAttack(Attack, Protocol):
    """An attack whose change is at most `epsilon` in its `norm` ("linf" where it has none).

    A dataclass needs no `with_epsilon`: it is copied with another epsilon.
    """

    @property
    def epsilon(self) -> float: ...

    def with_epsilon(self, epsilon: float, /) -> "SizedAttack": ...


class IterativeAttack(SizedAttack, Protocol):
    """An attack in steps: only for these the red flags about steps are applicable."""

    @property
    def reach(self) -> float:
        """The largest change that all steps together can make."""

    def more_steps(self) -> "IterativeAttack":
        """The same attack with twice the steps."""


def with_epsilon(attack: SizedAttack, epsilon: float) -> SizedAttack:
    """The same attack with another bound on the change."""
    own = getattr(attack, "with_epsilon", None)
    return own(epsilon) if own else replace(attack, epsilon=epsilon)


def in_float32(attack: Attack) -> Attack:
    """The same attack, and every attack in it, without the rounding of quicker forward passes."""
    parts = getattr(attack, "attacks", ())  # of a worst case or an adaptive attack
    exact = tuple(map(in_float32, parts))
    if any(new is not old for new, old in zip(exact, parts, strict=True)):
        return replace(attack, attacks=exact)
    quick = getattr(attack, "precision", "float32") != "float32"
    return replace(attack, precision="float32") if quick else attack


def norm_of(attack: Attack) -> str:
    """The norm in which epsilon bounds the change."""
    return getattr(attack, "norm", "linf")


def target_of(attack: Attack) -> int | None:
    """The class that an attack is to reach; None: any but the label."""
    return getattr(attack, "target", None)


def name_of(attack: Attack) -> str:
    """The name of an attack in tables: "pgd", "worst case", "pgd l2"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(attack).__name__).lower()
    return words if norm_of(attack) == "linf" else f"{words} {norm_of(attack)}"


def survivors(
    model: nn.Module, images: Tensor, labels: Tensor, target: int | None = None
) -> Tensor:
    """The rows on which no attack succeeded yet: the model predicts the label, or no target."""
    if not len(images):
        return labels.new_empty(0)
    with torch.no_grad():
        return torch.nonzero(success_margin(model(images).float(), labels, target) <= 0)[:, 0]


def unless_reached(
    model: nn.Module,
    images: Tensor,
    attacked: Tensor,
    target: int | None,
    labels: Tensor | None = None,
) -> Tensor:
    """The attacked images, but the image itself where it is predicted as the target already.

    `labels` of several findings make the target a label of each of them.
    """
    if target is None or not len(images):
        return attacked
    goal = labels if labels is not None else images.new_empty(len(images), dtype=torch.long)
    with torch.no_grad(), eval_mode(model), torch.autocast(images.device.type, enabled=False):
        reached = is_right(model(images), torch.full_like(goal, target))
    return torch.where(reached.view(-1, 1, 1, 1), images, attacked)


def other_classes(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """All classes but the label of each image, the likeliest first: (classes - 1, images)."""
    check_one_label(labels, "an attack towards each other class")
    with torch.no_grad():
        logits = model(images).float().scatter(1, labels[:, None], -torch.inf)
    return logits.argsort(1, descending=True)[:, :-1].T


@contextmanager
def eval_mode(model: nn.Module):
    """Evaluation mode inside, each part's former mode after: batch norm must not learn here."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
