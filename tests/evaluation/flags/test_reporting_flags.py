"""A report that agrees with its data raises no flag; each planted misprint raises its own."""

from dataclasses import replace

import numpy as np
import pytest
from small import small_split

from utils.data.split import to_float
from utils.evaluation.flags.reporting_flags import REPORT_FLAGS, Report, check_report
from utils.evaluation.image_similarity import psnr
from utils.evaluation.predictions import Predictions

SPLIT = small_split(60, seed=5)


def saying(right: float) -> Predictions:
    """Predictions of the same images of which this share is right."""
    hits = np.arange(len(SPLIT)) < right * len(SPLIT)
    predicted = np.where(hits, SPLIT.labels, (SPLIT.labels + 1) % 3)
    return Predictions(SPLIT.labels.numpy(), np.eye(3)[predicted], np.arange(len(predicted)), "abc")


PIXELS = to_float(SPLIT.images)
PICTURES = (PIXELS, (PIXELS + 4 / 255).clamp(0, 1))
PREDICTIONS = saying(0.9)
HONEST = Report(
    predictions=PREDICTIONS,
    accuracy=0.9,
    names=PREDICTIONS.class_names,
    pictures=PICTURES,
    psnr=float(psnr(*PICTURES).mean()),
    detector=(saying(0.7), saying(0.7)),
)
MISPRINTS = {
    "accuracy is not hits over images": replace(HONEST, accuracy=54 / 64),
    "class names not those of the data": replace(HONEST, names=("c", "b", "a")),
    "PSNR not that of the pictures": replace(HONEST, psnr=HONEST.psnr + 48.1),
    "detector needs the original": replace(HONEST, detector=(saying(1), saying(0.5))),
}


def red(report: Report) -> set[str]:
    table = check_report(report)
    return set(table.loc[table["red"], "flag"])


@pytest.mark.parametrize("flag", MISPRINTS)
def test_a_misprint_raises_its_flag(flag):
    assert red(MISPRINTS[flag]) == {flag}


def test_every_flag_has_its_misprint():
    assert set(MISPRINTS) == set(REPORT_FLAGS)


@pytest.mark.parametrize("report", [HONEST, Report()], ids=["everything", "nothing"])
def test_a_correct_report_raises_none(report):
    assert red(report) == set()
