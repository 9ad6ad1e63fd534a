"""Red flags: signs that a robust accuracy, or a clean one, is wrong.

Each flag is a function from evidence to a reason, or to None if it is not red.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor, nn

from utils.data.split import Split
from utils.evaluation.attack_flags import (
    ATTACK_FLAGS,
    NOT_APPLICABLE,
    NOT_RESOLVED,
    AttackEvidence,
)
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.leakage import LeakageAlarm
from utils.evaluation.metrics import majority_share, score_of
from utils.evaluation.predictions import Predictions
from utils.evaluation.sanity_checks import lossless, run_sanity_checks


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
    """One row per flag; a reason that says not applicable or not resolved is not red."""
    reasons = [flag(evidence) or "" for flag in flags.values()]
    red = [why != "" and not why.startswith((NOT_APPLICABLE, NOT_RESOLVED)) for why in reasons]
    return pd.DataFrame({"flag": list(flags), "red": red, "reason": reasons})


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
