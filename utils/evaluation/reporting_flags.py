"""Red flags of what is printed: is the figure on the page the figure of the data?"""

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import pandas as pd
from torch import Tensor

from utils.evaluation.image_similarity import psnr
from utils.evaluation.metrics import scores
from utils.evaluation.predictions import Predictions
from utils.evaluation.red_flags import judge

ROUNDING = 5e-4  # of a share that is printed in percent with one digit
DECIBELS = 0.05


@dataclass(frozen=True)
class Report:
    """What a page says, beside what it was made from; None where it says nothing of the kind."""

    answers: Predictions | None = None  # their class names came with the data
    accuracy: float | None = None
    names: tuple[str, ...] | None = None  # at the rows and columns of the confusion matrix
    pictures: tuple[Tensor, Tensor] | None = None  # before and after, in [0, 1]
    psnr: float | None = None  # decibels, the mean over the pictures
    detector: tuple[Predictions, Predictions] | None = None  # with the original, and without it


def check_report(printed: Report) -> pd.DataFrame:
    """Every flag that concerns what is printed: its name, whether it is red, and why."""
    return judge(PRINTED_FLAGS, printed)


def _miscounted(e: Report) -> str | None:
    if e.accuracy is not None and abs(e.accuracy - e.answers.accuracy) > ROUNDING:
        right, of = int(e.answers.right.sum()), len(e.answers.right)
        return f"{e.accuracy:.1%} printed, but {right} of {of} are {e.answers.accuracy:.1%}"


def _misnamed(e: Report) -> str | None:
    if e.names is None or tuple(e.names) == tuple(e.answers.class_names):
        return None
    pairs = zip_longest(e.names, e.answers.class_names)
    typed, true = next(pair for pair in pairs if len(set(pair)) > 1)
    return f"{typed!r} stands where the data have {true!r}"


def _other_psnr(e: Report) -> str | None:
    if e.psnr is not None and abs(e.psnr - (true := float(psnr(*e.pictures).mean()))) > DECIBELS:
        return f"{e.psnr:.1f} dB printed, {true:.1f} dB for pixels in [0, 1]"


def _needs_the_original(e: Report) -> str | None:
    """A detector of one image answers the same whatever is laid beside it."""
    if e.detector is None:
        return None
    given, withheld = e.detector
    if not np.array_equal(given.probabilities, withheld.probabilities):
        areas = [scores(answers).loc["AUC", "value"] for answers in e.detector]
        return "AUC {:.2f} with the original at hand, {:.2f} without".format(*areas)


PRINTED_FLAGS = {
    "accuracy is not hits over images": _miscounted,
    "class names not those of the data": _misnamed,
    "PSNR not that of the pictures": _other_psnr,
    "detector needs the original": _needs_the_original,
}
