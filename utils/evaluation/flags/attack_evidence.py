"""The evidence about an attack: small experiments on it and its model, and what they found."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from utils.attacks.adaptive import without_stop
from utils.attacks.base import SizedAttack, norm_of
from utils.attacks.norms import norm_named
from utils.data.split import Split, to_float, to_levels
from utils.evaluation.flags.attack_experiments import (
    Precomputed,
    aims_less,
    attacked_again,
    black_box,
    knows_less,
    ladder,
    noise_ladder,
)
from utils.evaluation.flags.gradient_experiments import dead_gradients, slope_agreements
from utils.evaluation.flags.judging import SAME
from utils.evaluation.flags.model_experiments import differences, returns_probabilities, watched
from utils.evaluation.inference import attacked_images, predict
from utils.evaluation.predictions import Predictions

REPEATED = 8  # images that the checks of the model predict several times


@dataclass(frozen=True)
class SanityChecks:
    """Small experiments on some of the images, and on some that survived the attack."""

    clean: Predictions
    attacked: Predictions
    saved: Predictions  # as a file keeps the attacked images, all steps taken
    ladder: list[Predictions]  # under attacks of growing size
    noise_ladder: list[Predictions]  # under noise of the same sizes
    again: dict[str, Predictions]  # survivors, under each further attack; see `attacked_again`
    knows_less: bool  # than the attack that the model brings
    aims_less: bool  # than APGD towards every class, which may change as much
    black_box: Predictions | None  # survivors, if a black-box attack may not do better
    lowest: float  # over all attacked pixels
    highest: float
    largest_change: float  # in the norm of the attack
    trains: bool  # some part of the model was in training mode while attacked
    apart: bool  # the members of an ensemble received different images
    leaks: bool  # gradients were left in the weights
    dead_gradients: float  # share of images whose input gradient is zero or not finite
    # By the length of the step: 1 where the gradient says how the model changes, about 0 if not.
    slope_agreements: dict[float, float]
    between_passes: float  # largest difference of a probability with other random numbers
    between_batches: float  # the same in small batches instead of a large one
    probabilities: bool  # the model returns these instead of logits

    @property
    def slope_agreement(self) -> float:
        """At the length of step at which the gradient holds best."""
        return max(self.slope_agreements.values())


@dataclass(frozen=True)
class AttackEvidence:
    """The results of an evaluation under attack."""

    attack: SizedAttack
    clean: Predictions
    noise: Predictions  # the control: random noise of the same size
    single_step: Predictions
    attacked: dict[float, Predictions]  # by size; 0 and the attack's epsilon among them
    strongest: Predictions  # the attack after its restarts
    checks: SanityChecks
    rows: np.ndarray  # of the images that the checks are about, survivors aside
    whole: Predictions | None = None  # clean, of the test set from which the images are drawn
    # The first batch attacked once more, with the random numbers of the published run; only made
    # where a doubt arises.
    as_published: Callable[[], Predictions] | None = None

    @property
    def published(self) -> list[Predictions]:
        return [self.noise, self.single_step, *self.attacked.values(), self.strongest]

    @property
    def is_random(self) -> bool:
        return self.checks.between_passes > SAME


def lossless(pixels: Tensor, depth: int = 8) -> Tensor:
    """The images after saving them in a file of 8 or 16 bits."""
    return to_float(to_levels(pixels, depth))


def run_sanity_checks(
    model: nn.Module,
    split: Split,
    attack: SizedAttack,
    survivors: Split,
    file: Callable[[Tensor], Tensor] | None = None,
) -> SanityChecks:
    """Run the attack as it is, with growing sizes and after saving; and on images that are
    `survivors` of the published attack once more, with more steps, and as a black box.

    Without a `file`, attacked images are saved without loss, in as many bits as the split has.
    Before that the attack takes all its steps: a stop just across the boundary is one that rounding
    can undo, and that no attacker would make.
    """
    file = file or partial(lossless, depth=split.depth)
    weights, few = list(model.parameters()), split.limit(REPEATED)
    before = [None if weight.grad is None else weight.grad.clone() for weight in weights]
    with watched(model) as seen:
        attacked = attacked_images(model, split, attack)
    whole = without_stop(attack)
    kept = attacked if whole is attack else attacked_images(model, split, whole)
    leaks = any(_differs(weight.grad, old) for weight, old in zip(weights, before, strict=True))
    again = attacked_again(model, survivors, attack)
    between_passes, between_batches = differences(model, few)
    clean = predict(model, split)
    length = norm_named(norm_of(attack)).length(attacked - to_float(split.images))
    return SanityChecks(
        clean=clean,
        attacked=predict(model, split, Precomputed(attacked)),
        saved=predict(model, split, Precomputed(file(kept))),
        ladder=ladder(model, split, attack, clean),
        noise_ladder=noise_ladder(model, split, attack, clean),
        again=again,
        knows_less=knows_less(model, attack),
        aims_less=aims_less(split, attack),
        black_box=black_box(model, survivors, attack),
        lowest=float(attacked.min()),
        highest=float(attacked.max()),
        largest_change=float(length.max()),
        trains=seen.trains,
        apart=seen.apart,
        leaks=leaks,
        dead_gradients=dead_gradients(model, split),
        slope_agreements=slope_agreements(model, few),
        between_passes=between_passes,
        between_batches=between_batches,
        probabilities=returns_probabilities(model, few),
    )


def _differs(gradient, before) -> bool:
    if gradient is None or before is None:
        return gradient is not before
    return not torch.equal(gradient, before)
