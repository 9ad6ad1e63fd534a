"""Red flags: signs that a robust accuracy, or a clean one, is not what it says.

Each flag is a function from evidence to a reason, or to None when there is nothing to
object to. A notebook gathers the evidence with `audit`, prints the table and stores it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor, nn

from utils.attacks.pgd import PGD
from utils.data.split import Split
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.comparison import more_often_right
from utils.evaluation.leakage import LeakageAlarm
from utils.evaluation.metrics import majority_share, score_of
from utils.evaluation.predictions import Predictions
from utils.evaluation.sanity_checks import QUESTIONS, SanityChecks, lossless, run_sanity_checks

LUCK = 0.05  # differences that luck makes more often than this are no objection


@dataclass(frozen=True)
class AttackEvidence:
    """What an evaluation under attack left behind."""

    attack: PGD
    clean: Predictions
    noise: Predictions  # the control: random noise of the same size
    single_step: Predictions
    attacked: dict[float, Predictions]  # by size; 0 and the attack's epsilon among them
    strongest: Predictions  # the attack after its restarts
    few: SanityChecks

    @property
    def published(self) -> list[Predictions]:
        return [self.noise, self.single_step, *self.attacked.values(), self.strongest]


def check_attack(
    model: nn.Module,
    split: Split,
    battery: AttackSuite,
    answers: dict[str, Predictions],
    images: int = 40,
    file: Callable[[Tensor], Tensor] = lossless,
) -> pd.DataFrame:
    """Every flag that concerns an attack by gradients: its name, whether it is red, and why.

    `answers` are those to the battery, as they will be published; what they do not tell is
    tried on a few images. `file` is what the files in which they are handed in keep of them.
    """
    strongest = answers[battery.strongest]
    withstood = split.take(np.flatnonzero(strongest.right))
    evidence = AttackEvidence(
        attack=battery.attack,
        clean=answers["clean"],
        noise=answers[battery.name("noise")],
        single_step=answers[battery.name("fgsm")],
        attacked=battery.curve(answers, "pgd"),
        strongest=strongest,
        few=run_sanity_checks(
            model, split.limit(images), battery.attack, withstood.limit(images), file
        ),
    )
    return judge(ATTACK_FLAGS, evidence)


def judge(flags: dict[str, Callable], evidence) -> pd.DataFrame:
    """One row per flag."""
    reasons = {name: flag(evidence) for name, flag in flags.items()}
    return pd.DataFrame(
        [{"flag": name, "red": bool(why), "reason": why or ""} for name, why in reasons.items()]
    )


# The flags. "Significantly" means: luck makes such a difference less often than LUCK.


def _weaker_than_one_step(e: AttackEvidence) -> str | None:
    iterated = e.attacked[e.attack.epsilon]
    if more_often_right(iterated, e.single_step) < LUCK:
        return f"accuracy {iterated.accuracy:.1%}, after a single step {e.single_step.accuracy:.1%}"


def _steps_too_short(e: AttackEvidence) -> str | None:
    reach = e.attack.steps * e.attack.step_size
    if reach < e.attack.epsilon * (1 - 1e-6):
        return f"the steps reach {reach * 255:.2f}/255 of {e.attack.epsilon * 255:.2f}/255"


def _rises_with_epsilon(e: AttackEvidence) -> str | None:
    sizes = sorted(set(e.attacked) - {0})
    for small, large in zip(sizes, sizes[1:], strict=False):
        weak, strong = e.attacked[small], e.attacked[large]
        if more_often_right(strong, weak) < LUCK:
            return f"{weak.accuracy:.1%} at {small * 255:g}/255, {strong.accuracy:.1%} at more"


def _better_than_clean(e: AttackEvidence) -> str | None:
    attacked = e.attacked[e.attack.epsilon]
    if more_often_right(attacked, e.clean) < LUCK:
        return f"accuracy {attacked.accuracy:.1%} attacked, {e.clean.accuracy:.1%} clean"


def _no_better_than_noise(e: AttackEvidence) -> str | None:
    attacked = e.attacked[e.attack.epsilon]
    if more_often_right(e.noise, attacked) >= LUCK:
        return f"accuracy {attacked.accuracy:.1%} attacked, {e.noise.accuracy:.1%} under noise"


def _survives_full_range(e: AttackEvidence) -> str | None:
    if e.few.full_range.right.any():
        return f"{e.few.full_range.accuracy:.1%} are right though every pixel was free"


def _not_converged(e: AttackEvidence) -> str | None:
    if more_often_right(e.few.attacked, e.few.doubled) < LUCK:
        return f"{e.few.attacked.accuracy:.1%}, with twice the steps {e.few.doubled.accuracy:.1%}"


def _lost_by_saving(e: AttackEvidence) -> str | None:
    if more_often_right(e.few.saved, e.few.attacked) < LUCK:
        return f"{e.few.attacked.accuracy:.1%}, read back from the file {e.few.saved.accuracy:.1%}"


def _beaten_by_questions(e: AttackEvidence) -> str | None:
    asked = e.few.black_box
    if asked is not None and not asked.right.all():
        fallen = int((~asked.right).sum())
        return f"{fallen} of {len(asked.right)} images that stood fell to {QUESTIONS} questions"


def _outside(e: AttackEvidence) -> str | None:
    if e.few.lowest < -1e-6 or e.few.highest > 1 + 1e-6:
        return f"pixels from {e.few.lowest:.3f} to {e.few.highest:.3f}"
    if e.few.largest_change > e.attack.epsilon + 1e-5:
        return f"a change of {e.few.largest_change * 255:.1f}/255"


def _in_training_mode(e: AttackEvidence) -> str | None:
    return "batch norm or dropout was training while attacked" if e.few.trains else None


def _members_apart(e: AttackEvidence) -> str | None:
    sets = max(len(answers.seen) for answers in e.published)
    if sets > 1:
        return f"the mean of answers to {sets} different sets of images"
    return "its members were shown different images" if e.few.apart else None


def _leaks(e: AttackEvidence) -> str | None:
    return "the next optimizer step would follow the attacker" if e.few.leaks else None


def _dead(e: AttackEvidence) -> str | None:
    if e.few.dead_gradients > 0.01:
        return f"for {e.few.dead_gradients:.1%} of the images"


ATTACK_FLAGS = {
    "iterated attack weaker than a single step": _weaker_than_one_step,
    "steps too short to reach epsilon": _steps_too_short,
    "accuracy rises with epsilon": _rises_with_epsilon,
    "accuracy better than clean": _better_than_clean,
    "random noise does as well": _no_better_than_noise,
    "images survive a change of every pixel": _survives_full_range,
    "accuracy still falls with more steps": _not_converged,
    "success vanishes when saved": _lost_by_saving,
    "black box beats white box on an image": _beaten_by_questions,
    "leaves the ball or the pixel range": _outside,
    "model in training mode": _in_training_mode,
    "ensemble members fed different images": _members_apart,
    "gradients left in the weights": _leaks,
    "zero or undefined gradients": _dead,
}


@dataclass(frozen=True)
class CleanEvidence:
    """What an evaluation on clean images left behind; the alarm is that of the splits."""

    clean: Predictions
    alarm: LeakageAlarm


def check_clean(clean: Predictions, alarm: LeakageAlarm) -> pd.DataFrame:
    """Every flag that concerns a clean score."""
    return judge(CLEAN_FLAGS, CleanEvidence(clean, alarm))


def _no_better_than(value: float, clean: Predictions) -> str | None:
    row = score_of(clean)
    if row["low"] <= value:
        return f"accuracy {row['value']:.1%} (from {row['low']:.1%}), against {value:.1%}"


CLEAN_FLAGS = {
    "no better than the majority class": lambda e: _no_better_than(
        majority_share(e.clean.labels), e.clean
    ),
    "no better than a nearest-neighbour look-up": lambda e: _no_better_than(
        e.alarm.look_up, e.clean
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
