"""Does what a pipeline does to every image change the answer?"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import torch.nn.functional as F
from torch import Tensor

from utils.contamination.corruptions.planted_noise import jpeg
from utils.data.split import Split, to_float, to_levels
from utils.evaluation.comparisons.differences import gain
from utils.evaluation.inference import predict
from utils.evaluation.intervals import mean_of
from utils.examine.reporting.schema import STEP
from utils.examine.section import Section, answers_of, differ, does_not_apply
from utils.examine.sections.other_readers import other_readings
from utils.examine.sections.scaling import PASSES as SCALING
from utils.examine.sections.scaling import ScalingResult, scaling_result
from utils.examine.subject import Subject

IMAGES = 400
PASSES, SHARE, LEAST = 8, 0.1, 24  # of each image; of the minutes; images
MANY = 0.05  # of the answers, the lower bound: more than a borderline case here and there
HARMLESS = "JPEG, quality 95"
ONE_PIPELINE = "Use one pipeline for training and use, or train with these steps."
NO_TIME = "Whether its resizer lets a hidden picture through was left out: no time."
AVERAGE = "Shrink files with a resizer that reads every pixel: area, or anti-aliased."
NO_SCALING = (
    "Whether its resizer lets a hidden picture through is not known: none is named (--resizer), "
    "and the model has none inside."
)


def ask_pipeline(subject: Subject) -> Section:
    """The share of answers that change, with an interval over patients, and what this costs."""
    if not subject.learned:
        return does_not_apply("The model knows too little about clean images.")
    rows = subject.images.some_rows(subject.within(IMAGES, PASSES, SHARE, LEAST), subject.seed)
    few, clean = subject.images.take(rows), subject.clean.take(rows.numpy())
    by_files, not_tried = other_readings(few)
    found = {name: (clean, predict(subject.model, _changed(few, step)))
             for name, step in STEPS.items()}  # fmt: skip
    found |= {name: (clean.take(each.rows), predict(subject.model, each.images))
              for name, each in by_files.items()}  # fmt: skip
    flips = {name: mean_of(differ(*sides), sides[0].groups) for name, sides in found.items()}
    costs = {name: gain(after, before, subject.headline) for name, (before, after) in found.items()}
    worst = max(flips, key=lambda name: flips[name].value)
    sensitive, (scaling, not_known) = flips[HARMLESS].low > MANY, _scaling(subject)
    through = scaling is not None and scaling.lets_through
    changed = flips[worst].low > MANY
    return Section(
        "warning" if sensitive or through else "note" if changed else "ok",
        f"{HARMLESS}, changes {flips[HARMLESS]} % of the answers; {worst}, {flips[worst]} %. "
        f"{scaling or not_known} {not_tried}".strip(),
        "Steps that look harmless and differ from hospital to hospital. The images were brought to "
        f"{few.size} pixels before; here each step is made to these. What depends on a file, such "
        "as its EXIF orientation, is measured on those files alone that show it.",
        " ".join([ONE_PIPELINE] * (sensitive or changed) + [AVERAGE] * through),
        pd.DataFrame(
            {"images": {name: len(before.labels) for name, (before, _) in found.items()},
             "answers that change (%)": flips, f"{subject.headline} lost (points)": costs}
        ).astype(str).rename_axis("step").reset_index(),
        answers=_answers(found, {name: rows.numpy()[each.rows] for name, each in by_files.items()},
                         rows.numpy()),
        numbers={f"changed by {name}": each for name, each in flips.items()}
        | ({"decided by a hidden picture": scaling.hidden} if scaling else {}),
    )  # fmt: skip


def _answers(found: dict, rows_of: dict[str, np.ndarray], rows: np.ndarray) -> pd.DataFrame:
    """What is predicted after each step; some steps are about a few files alone."""
    columns = [answers_of({f"{STEP}{name}": after}, rows_of.get(name, rows))
               for name, (_, after) in found.items()]  # fmt: skip
    return pd.concat(columns, axis=1)


def _scaling(subject: Subject) -> tuple[ScalingResult | None, str]:
    """What hidden pictures do, and why it is not known where it is not."""
    if not subject.budget.affords(SCALING, SHARE):
        return None, NO_TIME
    return scaling_result(subject), NO_SCALING


def _changed(split: Split, step: Callable[[Tensor], Tensor]) -> Split:
    return replace(split, images=to_levels(step(to_float(split.images)).clamp(0, 1), split.depth))


def _half_size(pixels: Tensor) -> Tensor:
    """Shrunk to half and enlarged, as a viewer may do."""
    small = F.interpolate(pixels, scale_factor=0.5, mode="bilinear", antialias=True)
    return F.interpolate(small, size=pixels.shape[-2:], mode="bilinear")


def _shifted(pixels: Tensor) -> Tensor:
    """One pixel to the right and one down; the edge is repeated."""
    return F.pad(pixels, (1, 0, 1, 0), mode="replicate")[..., :-1, :-1]


STEPS: dict[str, Callable[[Tensor], Tensor]] = {
    HARMLESS: lambda pixels: jpeg(pixels, 95),
    "JPEG, quality 75": lambda pixels: jpeg(pixels, 75),
    "64 grey levels": lambda pixels: (pixels * 63).round() / 63,
    "a shift by one pixel": _shifted,
    "half the size and back": _half_size,
    "a tenth brighter": lambda pixels: pixels * 1.1,
}
