"""Small experiments that show whether an attack works as it should."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from utils.attacks.base import SizedAttack, eval_mode, norm_of, with_epsilon
from utils.attacks.black_box import QueryAttack, Square
from utils.attacks.norms import norm_named
from utils.attacks.pgd import input_gradient
from utils.data.split import Split, to_float, to_uint8
from utils.evaluation.predict import attacked_images, predict
from utils.evaluation.predictions import Predictions
from utils.run import device_of

SURVIVORS = 8  # images that survived the attack, given to a black-box attack
QUERIES = 60  # of the black box about each: enough for one image in four of a plain network


@dataclass(frozen=True)
class SanityChecks:
    """Small experiments on some of the images."""

    attacked: Predictions
    doubled: Predictions | None  # with twice the steps, if the attack has steps
    full_range: Predictions  # with every pixel free
    saved: Predictions  # as a file keeps them
    black_box_applies: bool  # only then a black-box attack may not do better
    black_box: Predictions | None  # of images that survived the published attack
    lowest: float  # over all attacked pixels
    highest: float
    largest_change: float  # in the norm of the attack
    trains: bool  # some part of the model was in training mode while attacked
    apart: bool  # the members of an ensemble received different images
    leaks: bool  # gradients were left in the weights
    dead_gradients: float  # share of images whose input gradient is zero or not finite


def lossless(pixels: Tensor) -> Tensor:
    """The images after saving them in a file of 8 bits."""
    return to_float(to_uint8(pixels))


def run_sanity_checks(
    model: nn.Module,
    split: Split,
    attack: SizedAttack,
    survivors: Split,
    file: Callable[[Tensor], Tensor] = lossless,
) -> SanityChecks:
    """Run the attack as it is, with more steps, without a limit and after saving, and a black-box
    attack on images that are `survivors` of the published attack.
    """
    weights = list(model.parameters())
    before = [None if weight.grad is None else weight.grad.clone() for weight in weights]
    with _watched(model) as seen:
        attacked = attacked_images(model, split, attack)
    leaks = any(_differs(weight.grad, old) for weight, old in zip(weights, before, strict=True))
    norm, clean = norm_named(norm_of(attack)), to_float(split.images)
    unlimited = with_epsilon(attack, norm.full_range(clean))
    more_steps = getattr(attack, "more_steps", None)
    return SanityChecks(
        attacked=predict(model, split, _Precomputed(attacked)),
        doubled=predict(model, split, more_steps()) if more_steps else None,
        full_range=predict(model, split, unlimited),
        saved=predict(model, split, _Precomputed(file(attacked))),
        black_box_applies=black_box_applies(attack),
        black_box=_black_box(model, survivors, attack),
        lowest=float(attacked.min()),
        highest=float(attacked.max()),
        largest_change=float(norm.length(attacked - clean).max()),
        trains=seen.trains,
        apart=seen.apart,
        leaks=leaks,
        dead_gradients=_dead_gradients(model, split),
    )


@contextmanager
def _watched(model: nn.Module) -> Iterator[SimpleNamespace]:
    """Notes whether the model is in training mode in a forward pass, and whether its members, if
    it has any, receive the same images."""
    seen = SimpleNamespace(trains=False, apart=False, first=None)

    def watch(part, _) -> None:
        seen.first, training = None, any(child.training for child in part.modules())
        seen.trains = seen.trains or training

    def watch_member(_, inputs) -> None:
        seen.first = inputs[0] if seen.first is None else seen.first
        seen.apart = seen.apart or not torch.equal(seen.first, inputs[0])

    hooks = [model.register_forward_pre_hook(watch)]
    hooks += [m.register_forward_pre_hook(watch_member) for m in getattr(model, "members", ())]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def black_box_applies(attack: SizedAttack) -> bool:
    """Whether a black-box attack has the same limits: any pixel, linf, and no gradients so far."""
    free = getattr(attack, "region", None) is None and norm_of(attack) == "linf"
    return free and not isinstance(attack, QueryAttack)


def _black_box(model: nn.Module, survivors: Split, attack: SizedAttack) -> Predictions | None:
    """Predictions for some of the survivors after a black-box attack."""
    if black_box_applies(attack) and len(survivors):
        return predict(model, survivors.limit(SURVIVORS), Square(attack.epsilon, QUERIES))


class _Precomputed:
    """Returns images that were attacked before, batch by batch."""

    def __init__(self, images: Tensor):
        self.left = images

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        batch, self.left = self.left[: len(images)], self.left[len(images) :]
        return batch.to(images.device)


def _differs(gradient, before) -> bool:
    if gradient is None or before is None:
        return gradient is not before
    return not torch.equal(gradient, before)


def _dead_gradients(model: nn.Module, split: Split) -> float:
    """Share of images whose input gradient is zero or not finite."""
    device = device_of(model)
    images, labels = to_float(split.images.to(device)), split.labels.to(device)
    with eval_mode(model):
        gradient = input_gradient(model, images, labels).flatten(1)
    alive = gradient.isfinite().all(1) & (gradient != 0).any(1)
    return float((~alive).float().mean())
