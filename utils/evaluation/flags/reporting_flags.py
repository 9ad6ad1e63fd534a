"""Red flags of a report: do the printed numbers agree with the data?"""

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import pandas as pd
from torch import Tensor

from utils.evaluation.flags.judging import evaluate_flags
from utils.evaluation.image_similarity import psnr
from utils.evaluation.metrics import scores
from utils.evaluation.predictions import Predictions

ROUNDING = 5e-4  # of a share that is printed in percent with one digit
DECIBELS = 0.05


@dataclass(frozen=True)
class Report:
    """What a report states, and the data behind it; None for what it does not state."""

    predictions: Predictions | None = None  # their class names come from the data
    accuracy: float | None = None
    names: tuple[str, ...] | None = None  # at the rows and columns of the confusion matrix
    pictures: tuple[Tensor, Tensor] | None = None  # before and after, in [0, 1]
    psnr: float | None = None  # decibels, the mean over the pictures
    detector: tuple[Predictions, Predictions] | None = None  # with the original image, and without


def check_report(report: Report) -> pd.DataFrame:
    """Every flag about a report: its name, whether it is red, and why."""
    return evaluate_flags(REPORT_FLAGS, report)


def _wrong_accuracy(e: Report) -> str | None:
    if e.accuracy is not None and abs(e.accuracy - e.predictions.accuracy) > ROUNDING:
        right, of = int(e.predictions.right.sum()), len(e.predictions.right)
        return f"{e.accuracy:.1%} printed, but {right} of {of} are {e.predictions.accuracy:.1%}"


def _wrong_names(e: Report) -> str | None:
    if e.names is None or tuple(e.names) == tuple(e.predictions.class_names):
        return None
    pairs = zip_longest(e.names, e.predictions.class_names)
    typed, true = next(pair for pair in pairs if len(set(pair)) > 1)
    return f"{typed!r} where the data have {true!r}"


def _wrong_psnr(e: Report) -> str | None:
    if e.psnr is not None and abs(e.psnr - (true := float(psnr(*e.pictures).mean()))) > DECIBELS:
        return f"{e.psnr:.1f} dB printed, {true:.1f} dB for pixels in [0, 1]"


def _needs_the_original(e: Report) -> str | None:
    """A detector of single images has the same output with and without the original."""
    if e.detector is None:
        return None
    with_original, without = e.detector
    if not np.array_equal(with_original.probabilities, without.probabilities):
        areas = [scores(each).loc["AUC", "value"] for each in e.detector]
        return "AUC {:.2f} with the original, {:.2f} without".format(*areas)


REPORT_FLAGS = {
    "accuracy is not hits over images": _wrong_accuracy,
    "class names not those of the data": _wrong_names,
    "PSNR not that of the pictures": _wrong_psnr,
    "detector needs the original": _needs_the_original,
}
