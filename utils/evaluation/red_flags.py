"""Red flags: signs that a robust accuracy, or a clean one, is wrong.

Each flag is a function from evidence to a reason, or to None if it is not red.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor, nn

from utils.attacks.base import SizedAttack, norm_of
from utils.data.split import Split
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.comparison import more_often_right
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.leakage import LeakageAlarm
from utils.evaluation.metrics import majority_share, score_of
from utils.evaluation.predictions import Predictions
from utils.evaluation.sanity_checks import QUERIES, SanityChecks, lossless, run_sanity_checks

ALPHA = 0.05  # p-value below which a difference is significant
NOT_APPLICABLE = "not applicable"


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

    @property
    def published(self) -> list[Predictions]:
        return [self.noise, self.single_step, *self.attacked.values(), self.strongest]


def check_attack(
    model: nn.Module,
    split: Split,
    suite: AttackSuite,
    published: Mapping[Condition, Predictions],
    images: int = 40,
    file: Callable[[Tensor], Tensor] = lossless,
) -> pd.DataFrame:
    """Every flag about an attack: its name, whether it is red, and why.

    `published` are the predictions of the suite as they will be published; further experiments
    run on a few `images`. `file` saves attacked images and reads them back.
    """
    strongest = published[suite.strongest]
    survivors = split.take(np.flatnonzero(strongest.right))
    evidence = AttackEvidence(
        attack=suite.attack,
        clean=published[CLEAN],
        noise=published[suite.noise],
        single_step=published[suite.condition("fgsm")],
        attacked=suite.curve(published),
        strongest=strongest,
        checks=run_sanity_checks(
            model, split.limit(images), suite.attack, survivors.limit(images), file
        ),
    )
    return judge(ATTACK_FLAGS, evidence)


def judge(flags: dict[str, Callable], evidence) -> pd.DataFrame:
    """One row per flag; one that is not applicable is not red, and its reason says so."""
    reasons = [flag(evidence) or "" for flag in flags.values()]
    red = [why not in ("", NOT_APPLICABLE) for why in reasons]
    return pd.DataFrame({"flag": list(flags), "red": red, "reason": reasons})


def _weaker_than_one_step(e: AttackEvidence) -> str | None:
    iterated = e.attacked[e.attack.epsilon]
    if more_often_right(iterated, e.single_step) < ALPHA:
        return f"accuracy {iterated.accuracy:.1%}, after a single step {e.single_step.accuracy:.1%}"


def _steps_too_short(e: AttackEvidence) -> str | None:
    reach = getattr(e.attack, "reach", None)
    if reach is None:
        return NOT_APPLICABLE
    if reach < e.attack.epsilon * (1 - 1e-6):
        return f"the steps reach {reach * 255:.2f}/255 of {e.attack.epsilon * 255:.2f}/255"


def _rises_with_epsilon(e: AttackEvidence) -> str | None:
    sizes = sorted(set(e.attacked) - {0})
    for small, large in zip(sizes, sizes[1:], strict=False):
        weak, strong = e.attacked[small], e.attacked[large]
        if more_often_right(strong, weak) < ALPHA:
            return f"{weak.accuracy:.1%} at {small * 255:g}/255, {strong.accuracy:.1%} at more"


def _better_than_clean(e: AttackEvidence) -> str | None:
    attacked = e.attacked[e.attack.epsilon]
    if more_often_right(attacked, e.clean) < ALPHA:
        return f"accuracy {attacked.accuracy:.1%} attacked, {e.clean.accuracy:.1%} clean"


def _no_better_than_noise(e: AttackEvidence) -> str | None:
    attacked = e.attacked[e.attack.epsilon]
    if more_often_right(e.noise, attacked) >= ALPHA:
        return f"accuracy {attacked.accuracy:.1%} attacked, {e.noise.accuracy:.1%} under noise"


def _survives_full_range(e: AttackEvidence) -> str | None:
    if e.checks.full_range.right.any():
        return f"{e.checks.full_range.accuracy:.1%} are right although every pixel was free"


def _not_converged(e: AttackEvidence) -> str | None:
    if e.checks.doubled is None:
        return NOT_APPLICABLE
    if more_often_right(e.checks.attacked, e.checks.doubled) < ALPHA:
        return f"{e.checks.attacked.accuracy:.1%}, with more steps {e.checks.doubled.accuracy:.1%}"


def _lost_by_saving(e: AttackEvidence) -> str | None:
    if more_often_right(e.checks.saved, e.checks.attacked) < ALPHA:
        return f"{e.checks.attacked.accuracy:.1%}, after saving {e.checks.saved.accuracy:.1%}"


def _beaten_by_queries(e: AttackEvidence) -> str | None:
    if not e.checks.black_box_applies:
        return NOT_APPLICABLE
    found = e.checks.black_box
    if found is not None and not found.right.all():
        broken = int((~found.right).sum())
        return f"{QUERIES} queries broke {broken} of {len(found.right)} survivors"


def _outside(e: AttackEvidence) -> str | None:
    if e.checks.lowest < -1e-6 or e.checks.highest > 1 + 1e-6:
        return f"pixels from {e.checks.lowest:.3f} to {e.checks.highest:.3f}"
    if e.checks.largest_change > e.attack.epsilon + 1e-5:
        return f"a change of {e.checks.largest_change * 255:.1f}/255 ({norm_of(e.attack)})"


def _in_training_mode(e: AttackEvidence) -> str | None:
    return "batch norm or dropout was training while attacked" if e.checks.trains else None


def _members_apart(e: AttackEvidence) -> str | None:
    sets = max(len(predictions.seen) for predictions in e.published)
    if sets > 1:
        return f"the mean of predictions for {sets} different sets of images"
    return "the members received different images" if e.checks.apart else None


def _leaks(e: AttackEvidence) -> str | None:
    return "the next optimizer step would follow the attacker" if e.checks.leaks else None


def _dead(e: AttackEvidence) -> str | None:
    if e.checks.dead_gradients > 0.01:
        return f"for {e.checks.dead_gradients:.1%} of the images"


ATTACK_FLAGS = {
    "iterated attack weaker than a single step": _weaker_than_one_step,
    "steps too short to reach epsilon": _steps_too_short,
    "accuracy rises with epsilon": _rises_with_epsilon,
    "accuracy better than clean": _better_than_clean,
    "random noise does as well": _no_better_than_noise,
    "images survive a change of every pixel": _survives_full_range,
    "accuracy still falls with more steps": _not_converged,
    "success vanishes when saved": _lost_by_saving,
    "black box beats white box on an image": _beaten_by_queries,
    "leaves the ball or the pixel range": _outside,
    "model in training mode": _in_training_mode,
    "ensemble members fed different images": _members_apart,
    "gradients left in the weights": _leaks,
    "zero or undefined gradients": _dead,
}


@dataclass(frozen=True)
class CleanEvidence:
    """The results of an evaluation on clean images; the alarm is that of the splits."""

    clean: Predictions
    alarm: LeakageAlarm


def check_clean(clean: Predictions, alarm: LeakageAlarm) -> pd.DataFrame:
    """Every flag about a clean score."""
    return judge(CLEAN_FLAGS, CleanEvidence(clean, alarm))


def _no_better_than(value: float, clean: Predictions) -> str | None:
    accuracy = score_of(clean)
    if accuracy.low <= value:
        return f"accuracy {accuracy} %, against {value:.1%}"


CLEAN_FLAGS = {
    "no better than the majority class": lambda e: _no_better_than(
        majority_share(e.clean.labels), e.clean
    ),
    "no better than a nearest-neighbour look-up": lambda e: _no_better_than(
        e.alarm.baseline.value, e.clean
    ),
    "duplicates across splits": lambda e: (
        f"{e.alarm.copies} images, {e.alarm.identical} identical" if e.alarm.copied else None
    ),
    "siblings across splits": lambda e: (
        f"{e.alarm.siblings:.0%} of the test images" if e.alarm.related else None
    ),
    "a known patient in two splits": lambda e: (
        f"{e.alarm.shared_groups} patients" if e.alarm.shared_groups else None
    ),
}
