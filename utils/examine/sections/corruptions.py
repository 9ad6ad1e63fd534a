"""What everyday contamination costs: every family of noise at five severities."""

import numpy as np
import pandas as pd

from utils.contamination.noise import FAMILIES, Noise
from utils.evaluation.inference import predict
from utils.evaluation.metrics import HEADLINE, gain, score_of
from utils.evaluation.predictions import Predictions
from utils.examine.section import Section, does_not_apply, points
from utils.examine.subject import Subject
from utils.figures.contamination.overview import contamination_matrix

SEVERITIES = range(1, 6)
MIDDLE = 3
IMAGES = 400  # of the matrix: every cell is a pass over all of them
GREAT = 0.2  # of balanced accuracy, the lower bound: lost at the middle severity


def ask_corruptions(subject: Subject) -> Section:
    """Balanced accuracy under each family and severity, and what the middle one costs."""
    if not subject.learned:
        return does_not_apply("The model knows too little about clean images to lose any of it.")
    rows = subject.images.some_rows(IMAGES, subject.seed)
    few, clean = subject.images.take(rows), subject.clean.take(rows.numpy())
    found = {family: _row(subject, family, few) for family in FAMILIES}
    lost = {
        family.__name__: gain(row[MIDDLE - 1], clean, HEADLINE) for family, row in found.items()
    }
    worst = max(lost, key=lambda name: lost[name].value)
    flipped = {f.__name__: _flips(clean, row[MIDDLE - 1]) for f, row in found.items()}
    table = pd.DataFrame(
        {
            f"lost at severity {MIDDLE} (points)": {n: str(found) for n, found in lost.items()},
            "answers that change (%)": {n: f"{100 * share:.0f}" for n, share in flipped.items()},
        }
    )
    mean = np.mean([[score_of(each, HEADLINE).value for each in row] for row in found.values()])
    great = lost[worst].low > GREAT
    return Section(
        "note" if great else "ok",
        f"Worst is {worst}: severity {MIDDLE} costs {points(lost[worst])} of {HEADLINE}. "
        f"The mean over all families and severities is {100 * mean:.0f} %.",
        "Changes that scanners, movement and lossy files make. They are made after the images "
        "were brought to the size of the model, so their grain is coarser than in a file. On "
        f"{len(few):,} images, with intervals over patients.",
        f"Find out whether {worst} occurs where the model is to work, and train with it if it does."
        if great else "",
        table.rename_axis("family").reset_index(),
        numbers={f"lost to {name}": each for name, each in lost.items()} | {"mean score": mean},
        figures={"Accuracy under contamination": _matrix(clean, found)},
    )  # fmt: skip


def _row(subject: Subject, family: type[Noise], few) -> list[Predictions]:
    changes = (family(severity=k, rate=1.0, seed=subject.seed) for k in SEVERITIES)
    return [predict(subject.model, change(few)) for change in changes]


def _flips(before: Predictions, after: Predictions) -> float:
    return float((before.probabilities.argmax(1) != after.probabilities.argmax(1)).mean())


def _matrix(clean: Predictions, found: dict):
    shares = {
        family.__name__: [100 * score_of(each, HEADLINE).value for each in (clean, *row)]
        for family, row in found.items()
    }
    table = pd.DataFrame(shares, index=["clean", *SEVERITIES]).T
    return contamination_matrix({HEADLINE: table / 100}, 1 / clean.classes)
