"""The doors to the red flags: of an attack, and of a clean score.

Each flag is a function from evidence to a reason, or to None if it is not red.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from torch import Tensor, nn

from utils.data.split import Split
from utils.evaluation.attack_suite import AttackSuite
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.flags.attack_evidence import AttackEvidence, run_sanity_checks
from utils.evaluation.flags.attack_flags import ATTACK_FLAGS, OTHER_IMAGES
from utils.evaluation.flags.clean_flags import CLEAN_FLAGS, CleanEvidence
from utils.evaluation.flags.judging import NOT_APPLICABLE, evaluate_flags
from utils.evaluation.flags.published_flags import other_images
from utils.evaluation.inference import BATCH, predict
from utils.evaluation.leakage import LeakageReport
from utils.evaluation.predictions import Predictions


def check_attack(
    model: nn.Module,
    split: Split,
    suite: AttackSuite,
    published: Mapping[Condition, Predictions],
    images: int = 40,
    file: Callable[[Tensor], Tensor] | None = None,
    whole: Predictions | None = None,
) -> pd.DataFrame:
    """Every flag about an attack: its name, whether it is red, and why.

    `published` are the predictions of the suite as they will be published; further experiments
    run on a few `images`. `file` saves attacked images and reads them back; by default a file
    without loss, in as many bits as the split has. `whole` are the clean predictions for the test
    set, where only the images of `split` are attacked.
    """
    if why := other_images(split, published):
        nothing_else = dict.fromkeys(ATTACK_FLAGS, lambda e: NOT_APPLICABLE)
        return evaluate_flags(nothing_else | {OTHER_IMAGES: lambda e: why}, None)
    strongest, rows = published[suite.strongest], split.some_rows(images)
    survivors = split.take(np.flatnonzero(strongest.right)).limit(images)
    first_batch = split.take(range(min(BATCH, len(split))))
    evidence = AttackEvidence(
        attack=suite.attack,
        clean=published[CLEAN],
        noise=published[suite.noise],
        single_step=published[suite.condition("fgsm")],
        attacked=suite.curve(published),
        strongest=strongest,
        checks=run_sanity_checks(model, split.take(rows), suite.attack, survivors, file),
        rows=rows.numpy(),
        whole=whole,
        as_published=lambda: predict(model, first_batch, suite.attack),
    )
    return evaluate_flags(ATTACK_FLAGS, evidence)


def check_clean(clean: Predictions, leakage: LeakageReport) -> pd.DataFrame:
    """Every flag about a clean score."""
    return evaluate_flags(CLEAN_FLAGS, CleanEvidence(clean, leakage))
