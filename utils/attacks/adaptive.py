"""Attacks that know a defence: made on other views of it, judged by the defence itself.

A view is a model to attack in place of one that hides its gradient: a random model in expectation
over its draws (EOT, Athalye 2018), or a step without a gradient behind a stand-in that has one
(BPDA).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.base import Attack, eval_mode, norm_of, target_of, with_epsilon
from utils.attacks.losses import success_margin
from utils.run import autocast

# (logits, how far the attack is across the class boundary) -> above 0 where it has succeeded
SuccessMeasure = Callable[[Tensor, Tensor], Tensor]


class Expectation(nn.Module):
    """A random model in expectation: the log of its mean probabilities over independent draws."""

    def __init__(self, model: nn.Module, draws: int = 20):
        super().__init__()
        if draws < 1:
            raise ValueError(f"needs draws >= 1, got {draws}")
        self.model, self.draws = model, draws

    def forward(self, images: Tensor) -> Tensor:
        logs = [self.model(images).float().log_softmax(1) for _ in range(self.draws)]
        return torch.stack(logs).logsumexp(0) - math.log(self.draws)


class StraightThrough(nn.Module):
    """A step with its exact output and the gradient of a stand-in, by default of no step at all."""

    def __init__(
        self,
        transform: Callable[[Tensor], Tensor],
        stand_in: Callable[[Tensor], Tensor] | None = None,
    ):
        super().__init__()
        self.transform, self.stand_in = transform, stand_in or nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            exact = self.transform(images)
        near = self.stand_in(images)
        return exact + (near - near.detach())


def class_boundary(logits: Tensor, lead: Tensor) -> Tensor:
    """The usual success: the attack has crossed the class boundary."""
    return lead


@dataclass(frozen=True, eq=False)
class Adaptive:
    """Every attack on every view of a model; of each image, the change that harms the model most.

    Success is judged by the model itself, in float32, and only images that withstood so far are
    attacked again. A random model is judged by `repeats` predictions: an image has fallen when
    all of them are wrong, and a change is the worse the more of them it turns.
    """

    attacks: tuple[Attack, ...]  # variants of one attack: same size, norm and target
    views: tuple[nn.Module, ...] = field(repr=False)
    repeats: int = 1
    success: SuccessMeasure = field(default=class_boundary, repr=False)

    def __post_init__(self):
        if not self.attacks or not self.views or self.repeats < 1:
            raise ValueError(f"needs an attack, a view and repeats >= 1, got {self!r}")

    @property
    def epsilon(self) -> float | None:
        return getattr(self.attacks[0], "epsilon", None)

    @property
    def norm(self) -> str:
        return norm_of(self.attacks[0])

    @property
    def target(self) -> int | None:
        return target_of(self.attacks[0])

    @property
    def draws(self) -> int:
        """Draws of a random model that each step averages; of several views the most count, since
        of each image the change that harms it most is kept."""
        return max((part.draws for part in self._parts if isinstance(part, Expectation)), default=1)

    @property
    def looks_through(self) -> bool:
        """Whether some view has a gradient of its own where the model may have none."""
        return any(isinstance(part, Expectation | StraightThrough) for part in self._parts)

    @property
    def _parts(self) -> list[nn.Module]:
        return [part for view in self.views for part in view.modules()]

    @property
    def reach(self) -> float:
        """As far as the steps of the attack go, if it has steps."""
        return self.attacks[0].reach

    @property
    def more_steps(self) -> Callable[[], "Adaptive"]:
        """Twice the steps; like `reach`, only there where the attack has steps."""
        longer = [attack.more_steps for attack in self.attacks]
        return lambda: replace(self, attacks=tuple(each() for each in longer))

    def with_epsilon(self, epsilon: float) -> "Adaptive":
        return replace(self, attacks=tuple(with_epsilon(each, epsilon) for each in self.attacks))

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        worst = images.clone()
        with eval_mode(model):
            harm, fallen = self._harm(model, images, labels)
            for view, attack in product(self.views, self.attacks):
                left = torch.nonzero(~fallen)[:, 0]
                if not len(left):
                    break
                made = attack if view is model else without_stop(attack)
                attacked = made(view, images[left], labels[left])
                found, down = self._harm(model, attacked, labels[left])
                worse = found > harm[left]
                rows = left[worse]
                worst[rows], harm[rows], fallen[rows] = attacked[worse], found[worse], down[worse]
        return worst

    def _harm(self, model: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """How badly the model does on each image, and where every prediction is wrong.

        The share of wrong predictions decides; between equal shares, how far they are wrong.
        """
        if not len(images):
            return images.new_zeros(0), labels.new_zeros(0, dtype=torch.bool)
        with torch.no_grad(), autocast(images.device, "float32"):
            found = torch.stack(
                [self._success(model(images).float(), labels) for _ in range(self.repeats)]
            )
        share = (found > 0).float().mean(0)
        return share + F.softsign(found.mean(0)) / (2 * self.repeats), share == 1

    def _success(self, logits: Tensor, labels: Tensor) -> Tensor:
        return self.success(logits, success_margin(logits, labels, self.target))


def adaptive_attack(model: nn.Module, attack: Attack) -> Attack:
    """The strongest form of an attack on this model: for a plain network, the attack itself."""
    return model.adaptive(attack) if hasattr(model, "adaptive") else attack


def without_stop(attack: Attack) -> Attack:
    """The attack to its last step: what fools a view need not fool the model yet."""
    stops = getattr(attack, "stop_when_fooled", False)
    return replace(attack, stop_when_fooled=False) if stops else attack


def with_margin(attack: Attack) -> tuple[Attack, ...]:
    """The attack, and where it climbs the cross-entropy the same on the margin.

    Unlike the cross-entropy, the margin does not flatten where a model is very sure.
    """
    if getattr(attack, "loss", None) != "cross_entropy":
        return (attack,)
    return (attack, replace(attack, loss="margin"))
