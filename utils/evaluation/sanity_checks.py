"""Small experiments that show whether an attack was carried out as it should be, or succeeded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from utils.attacks.black_box import Square
from utils.attacks.pgd import PGD, eval_mode, input_gradient
from utils.data.split import Split, to_float, to_uint8
from utils.evaluation.predict import attacked_images, predict
from utils.evaluation.predictions import Predictions

STANDING = 8  # images that withstood the white box, shown to the black box
QUESTIONS = 60  # that the black box may ask about each: an undefended network falls in one of four


@dataclass(frozen=True)
class SanityChecks:
    """Small experiments on some of the images."""

    attacked: Predictions
    doubled: Predictions  # with twice the steps
    full_range: Predictions  # with every pixel free
    saved: Predictions  # as a file keeps them
    black_box: Predictions | None  # of images that withstood the published attack
    lowest: float  # over all attacked pixels
    highest: float
    largest_change: float
    trains: bool  # some part of the model was in training mode while attacked
    apart: bool  # the members of an ensemble were shown different images by it
    leaks: bool  # gradients were left in the weights
    dead_gradients: float  # share of images whose input gradient is zero or not finite


def lossless(pixels: Tensor) -> Tensor:
    """What a file of 8 bits keeps of the images."""
    return to_float(to_uint8(pixels))


def run_sanity_checks(
    model: nn.Module,
    split: Split,
    attack: PGD,
    withstood: Split,
    file: Callable[[Tensor], Tensor] = lossless,
) -> SanityChecks:
    """Try the attack itself, with more steps, without a limit, and after saving; and ask a black
    box about images that `withstood` what is published.
    """
    weights = list(model.parameters())
    before = [None if weight.grad is None else weight.grad.clone() for weight in weights]
    with _watched(model) as seen:
        shown = attacked_images(model, split, attack)
    leaks = any(_differs(weight.grad, old) for weight, old in zip(weights, before, strict=True))
    clean = to_float(split.images)
    return SanityChecks(
        attacked=predict(model, split, _Given(shown)),
        doubled=predict(model, split, _doubled(attack)),
        full_range=predict(model, split, replace(attack, epsilon=1.0, step=None)),
        saved=predict(model, split, _Given(file(shown))),
        black_box=_asked(model, withstood, attack),
        lowest=float(shown.min()),
        highest=float(shown.max()),
        largest_change=float((shown - clean).abs().max()),
        trains=seen.trains,
        apart=seen.apart,
        leaks=leaks,
        dead_gradients=_dead_gradients(model, split),
    )


@contextmanager
def _watched(model: nn.Module) -> Iterator[SimpleNamespace]:
    """Notes whether the model trains while it is asked, and whether its members, if it has any,
    are shown the same images."""
    seen = SimpleNamespace(trains=False, apart=False, first=None)

    def asked(part, _) -> None:
        seen.first, training = None, any(child.training for child in part.modules())
        seen.trains = seen.trains or training

    def member_asked(_, given) -> None:
        seen.first = given[0] if seen.first is None else seen.first
        seen.apart = seen.apart or not torch.equal(seen.first, given[0])

    hooks = [model.register_forward_pre_hook(asked)]
    hooks += [m.register_forward_pre_hook(member_asked) for m in getattr(model, "members", ())]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _asked(model: nn.Module, withstood: Split, attack: PGD) -> Predictions | None:
    """What a black box leaves of the survivors; it would be unfair where only a region is free."""
    if attack.where is None and len(withstood):
        return predict(model, withstood.limit(STANDING), Square(attack.epsilon, QUESTIONS))


class _Given:
    """Shows images that were attacked before, batch by batch."""

    def __init__(self, shown: Tensor):
        self.left = shown

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        batch, self.left = self.left[: len(images)], self.left[len(images) :]
        return batch.to(images.device)


def _doubled(attack: PGD) -> PGD:
    """Twice the steps of the same length: what more patience would find."""
    return replace(attack, steps=2 * attack.steps, step=attack.step_size)


def _differs(gradient, before) -> bool:
    if gradient is None or before is None:
        return gradient is not before
    return not torch.equal(gradient, before)


def _dead_gradients(model: nn.Module, split: Split) -> float:
    """Share of images whose loss does not say in which direction it grows."""
    device = next(model.parameters()).device
    images, labels = to_float(split.images.to(device)), split.labels.to(device)
    with eval_mode(model):
        gradient = input_gradient(model, images, labels).flatten(1)
    alive = gradient.isfinite().all(1) & (gradient != 0).any(1)
    return float((~alive).float().mean())
