"""Small experiments that show whether an attack works as it should."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from utils.attacks.apgd import WorstCase
from utils.attacks.base import SizedAttack, eval_mode, norm_of, with_epsilon
from utils.attacks.black_box import QueryAttack, Square
from utils.attacks.norms import norm_named
from utils.attacks.pgd import input_gradient
from utils.attacks.random_noise import noise_of
from utils.data.split import Split, to_float, to_uint8
from utils.evaluation.inference import attacked_images, predict
from utils.evaluation.predictions import Predictions
from utils.run import device_of

SURVIVORS, ENDURING = 8, 20  # of the attack: for a black box, for the attack with more steps
QUERIES = 60  # of the black box about each: enough for one image in four of a plain network
LADDER = (4, 8, 16, 32, 64, 128, 255)  # of 255 grey levels, or of the largest l2 change
RESTART = 7  # the seed of a random start that no published attack has
REPEATED, PASSES = 8, 4  # images that are predicted several times


@dataclass(frozen=True)
class SanityChecks:
    """Small experiments on some of the images, and on some that survived the attack."""

    clean: Predictions
    attacked: Predictions
    saved: Predictions  # as a file keeps the attacked images
    ladder: list[Predictions]  # under attacks of growing size
    noise_ladder: list[Predictions]  # under noise of the same sizes
    restarted: Predictions | None  # survivors from another random start, if there are any
    doubled: Predictions | None  # the same with twice the steps, if the attack has steps
    black_box: Predictions | None  # survivors, if a black-box attack may not do better
    lowest: float  # over all attacked pixels
    highest: float
    largest_change: float  # in the norm of the attack
    trains: bool  # some part of the model was in training mode while attacked
    apart: bool  # the members of an ensemble received different images
    leaks: bool  # gradients were left in the weights
    dead_gradients: float  # share of images whose input gradient is zero or not finite
    between_passes: float  # largest difference of a probability with other random numbers
    between_batches: float  # the same in small batches instead of a large one


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
    """Run the attack as it is, with growing sizes and after saving; and on images that are
    `survivors` of the published attack once more, with more steps, and as a black box.
    """
    weights = list(model.parameters())
    before = [None if weight.grad is None else weight.grad.clone() for weight in weights]
    with _watched(model) as seen:
        attacked = attacked_images(model, split, attack)
    leaks = any(_differs(weight.grad, old) for weight, old in zip(weights, before, strict=True))
    restarted, doubled = _with_more_steps(model, survivors, attack)
    between_passes, between_batches = _differences(model, split.limit(REPEATED))
    clean = predict(model, split)
    length = norm_named(norm_of(attack)).length(attacked - to_float(split.images))
    return SanityChecks(
        clean=clean,
        attacked=predict(model, split, _Precomputed(attacked)),
        saved=predict(model, split, _Precomputed(file(attacked))),
        ladder=_ladder(model, split, attack, clean),
        noise_ladder=_noise_ladder(model, split, attack, clean),
        restarted=restarted,
        doubled=doubled,
        black_box=_black_box(model, survivors, attack),
        lowest=float(attacked.min()),
        highest=float(attacked.max()),
        largest_change=float(length.max()),
        trains=seen.trains,
        apart=seen.apart,
        leaks=leaks,
        dead_gradients=_dead_gradients(model, split),
        between_passes=between_passes,
        between_batches=between_batches,
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


def _sizes(split: Split, attack: SizedAttack) -> list[float]:
    largest = norm_named(norm_of(attack)).full_range(split.images)
    return [largest * level / LADDER[-1] for level in LADDER]


def _ladder(
    model: nn.Module, split: Split, attack: SizedAttack, clean: Predictions
) -> list[Predictions]:
    """The predictions by the size of the attack; an image that fell at one has fallen for good.

    The largest change alone would show less: it turns images black and white, and where the model
    has one answer for these, a sound attack cannot leave it.
    """
    sizes, norm = _sizes(split, attack), norm_named(norm_of(attack))
    climb = WorstCase(tuple(with_epsilon(_without_start(attack), size) for size in sizes))
    moved = attacked_images(model, split, climb)
    fallen = predict(model, split, _Precomputed(moved))
    change = norm.length(moved - to_float(split.images))
    reached = [(change <= size * (1 + 1e-4)).numpy()[:, None] for size in sizes[:-1]]
    rows = [np.where(r, fallen.probabilities, clean.probabilities) for r in reached]
    return [*(replace(fallen, probabilities=each) for each in rows), fallen]


def _without_start(attack: SizedAttack) -> SizedAttack:
    """The attack from the image itself, and with a loss that does not flatten for sure models."""
    changes = {"random_start": False, "stop_when_fooled": True}
    if getattr(attack, "loss", None) == "cross_entropy":
        changes["loss"] = "margin"
    changes = {name: value for name, value in changes.items() if hasattr(attack, name)}
    return replace(attack, **changes) if changes else attack


def _noise_ladder(
    model: nn.Module, split: Split, attack: SizedAttack, clean: Predictions
) -> list[Predictions]:
    """The same under random noise."""
    found = [clean]
    for size in _sizes(split, attack):
        found.append(predict(model, split, noise_of(attack, size), after=found[-1]))
    return found[1:]


def _with_more_steps(
    model: nn.Module, survivors: Split, attack: SizedAttack
) -> tuple[Predictions | None, Predictions | None]:
    """Survivors attacked from another random start, and from the same with twice the steps."""
    if not len(survivors) or not hasattr(attack, "more_steps"):
        return None, None
    few, attacks = survivors.limit(ENDURING), (attack, attack.more_steps())
    return tuple(predict(model, few, each, seed=RESTART) for each in attacks)


def _differences(model: nn.Module, few: Split) -> tuple[float, float]:
    """The largest difference of a probability between passes, and between sizes of the batch."""
    first, *others = (predict(model, few, seed=seed).probabilities for seed in range(PASSES))
    in_pairs = predict(model, few, batch_size=2).probabilities
    return float(np.abs(np.stack(others) - first).max()), float(np.abs(in_pairs - first).max())


def free_white_box(attack: SizedAttack) -> bool:
    """Whether the attack knows the gradients and may change every pixel."""
    return getattr(attack, "region", None) is None and not isinstance(attack, QueryAttack)


def black_box_applies(attack: SizedAttack) -> bool:
    """Whether a black-box attack has the same limits: any pixel, linf, and no gradients so far."""
    return free_white_box(attack) and norm_of(attack) == "linf"


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
