"""What everyday contamination costs: every corruption of a modality at five severities."""

import numpy as np
import pandas as pd
from torch import Tensor

from utils.contamination.corruptions.matrix import ContaminationMatrix, contamination_matrix
from utils.contamination.corruptions.registry import CORRUPTIONS
from utils.evaluation.comparisons.differences import gain
from utils.evaluation.inference import predict
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import Predictions
from utils.examine.reporting.schema import CORRUPTION, MIDDLE
from utils.examine.section import Section, answers_of, differ, does_not_apply, points
from utils.examine.subject import Subject
from utils.figures.contamination.corruptions import contamination_matrix as picture

SEVERITIES = (1, 2, 3, 4, 5)
IMAGES = 300  # of the matrix: every cell is a pass over all of them
SHARE = 0.3  # of the minutes
ENOUGH, LEAST = 60, 20  # images: with fewer, one severity of more images is better; too few
GREAT = 0.2  # of balanced accuracy, the lower bound: lost at the middle severity
NAME, REFERENCE = "the model", "a small reference network"


def ask_corruptions(subject: Subject) -> Section:
    """The score under each family and severity, and what the middle one costs."""
    if not subject.learned:
        return does_not_apply("The model knows too little about clean images to lose any of it.")
    rows, severities = _affordable(subject)
    few = subject.images.take(rows)
    networks = {NAME: [lambda split: predict(subject.model, split)]}
    if subject.reference:
        networks[REFERENCE] = [lambda split: predict(subject.reference, split)]
    matrix = contamination_matrix(
        networks, few, subject.modality, few.size, severities, seed=subject.seed
    )
    clean, scores = matrix.pooled(NAME), matrix.scores(NAME)
    middle = {family: matrix.pooled(NAME, family, MIDDLE) for family in matrix.families}
    lost = {family: gain(each, clean, subject.headline) for family, each in middle.items()}
    worst = max(lost, key=lambda name: lost[name].value)
    mean = float(scores.drop(columns="clean").to_numpy().mean())
    nothing_left = [family for family, each in middle.items() if not _known_under(each, subject)]
    great, every = lost[worst].low > GREAT, " and severities" * (severities == SEVERITIES)
    beside, relative = _beside_reference(subject, matrix)
    return Section(
        "note" if great or nothing_left else "ok",
        f"Worst is {worst}: severity {MIDDLE} costs {points(lost[worst])} of "
        f"{subject.headline}. The mean over all families{every} is {100 * mean:.0f} %. "
        f"{_nothing_left(nothing_left, subject)}{beside}",
        "Changes that scanners, movement and lossy files make; a severity is as visible in every "
        f"family. Those of {subject.modality} images, made at the size that the model sees. On "
        f"{len(few):,} images.",
        f"Find out whether {worst} occurs where the model is to work, and train with it if it does."
        if great or nothing_left
        else "",
        _table(matrix, lost, clean),
        numbers={f"lost to {name}": each for name, each in lost.items()}
        | {"mean score": mean} | relative,
        figures={f"{subject.headline} under contamination":
                 picture({NAME: scores}, subject.chance, score=subject.headline)},
        answers=answers_of(_cells(matrix), rows.numpy()),
    )  # fmt: skip


def _known_under(found: Predictions, subject: Subject) -> bool:
    """Whether the model is still shown to beat a constant answer: one that knows little loses few
    points, and all that it knows."""
    return bool(score_of(found, subject.headline).low > subject.chance)


def _nothing_left(families: list[str], subject: Subject) -> str:
    if not families:
        return ""
    constant = f"{100 * subject.chance:.0f}"
    return f"It is not shown to beat a constant answer, {constant} %, under {', '.join(families)}. "


def _affordable(subject: Subject) -> tuple[Tensor, tuple[int, ...]]:
    """The rows of the images and severities that the minutes allow."""
    most, families = min(IMAGES, len(subject.images)), len(CORRUPTIONS[subject.modality])
    of_all = subject.budget.images(most, 1 + len(SEVERITIES) * families, SHARE, least=0)
    severities = SEVERITIES if of_all >= min(ENOUGH, most) else (MIDDLE,)
    count = subject.within(most, 1 + len(severities) * families, SHARE, LEAST)
    if severities != SEVERITIES:
        subject.shortened.append(f"severity {MIDDLE} alone")
    return subject.images.some_rows(count, subject.seed), severities


def _cells(matrix: ContaminationMatrix) -> dict[str, Predictions]:
    """The predictions of the model under each corruption, by the names of images.csv."""
    return {
        f"{CORRUPTION}{family} {severity}": matrix.pooled(NAME, family, severity)
        for family, severity in matrix.found[NAME]
        if severity
    }


def _table(matrix: ContaminationMatrix, lost: dict, clean: Predictions) -> pd.DataFrame:
    changed = {name: _flips(clean, matrix.pooled(NAME, name, MIDDLE)) for name in lost}
    table = {
        f"lost at severity {MIDDLE} (points)": {name: str(each) for name, each in lost.items()},
        "answers that change (%)": {name: f"{100 * share:.0f}" for name, share in changed.items()},
    }
    return pd.DataFrame(table).rename_axis("family").reset_index()


def _flips(before: Predictions, after: Predictions) -> float:
    return float(np.mean(differ(before, after)))


def _beside_reference(subject: Subject, matrix: ContaminationMatrix) -> tuple[str, dict]:
    """The mean corruption error relative to that of the reference, in words and as a number."""
    if not subject.reference:
        why = ("the images of the training are not at hand (--train)" if subject.known is None
               else "the time or the images were not enough, or it learned nothing")  # fmt: skip
        return f"There is no reference network to compare with: {why}.", {}
    error = float(matrix.corruption_errors(REFERENCE).loc["mean", NAME])
    words = (
        f"Its mean corruption error is {100 * error:.0f} % of that of {REFERENCE}, "
        "trained on the same images."
    )
    return words, {"mean corruption error": error}
