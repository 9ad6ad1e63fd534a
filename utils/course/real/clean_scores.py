"""What the networks of a real set know: scores, controls, calibration, everyday corruptions."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from utils.contamination.corruptions.matrix import contamination_matrix
from utils.contamination.corruptions.planted_noise import Gaussian
from utils.contamination.corruptions.registry import corruptions
from utils.course.real.networks import Study
from utils.course.real.steps import as_row, counted, difference_row, score_row
from utils.data.patients.splitting import split_by_group
from utils.data.split import Split
from utils.evaluation.flags.red_flags import check_clean
from utils.evaluation.inference import predict
from utils.evaluation.leakage import leakage_report
from utils.evaluation.metrics import HEADLINE
from utils.evaluation.predictions import Predictions, pool_trainings
from utils.evaluation.uncertainty.calibration import (
    calibration_difference,
    calibration_error,
    fit_temperature,
)
from utils.evaluation.uncertainty.conformal import MISCOVERAGE, coverage_difference, fit_conformal
from utils.training.features import linear_probe

SEVERITY = 3
MOVED = "MotionBlur"  # what a promise meets: a moving patient
STRONG = 5  # severity of the noise of which two entrances are compared
PIXELS = 28  # of the images that logistic regression reads
PIXEL_STRENGTHS = (1e-4, 1e-3)


def clean_scores(study: Study) -> dict:
    """Scores, red flags, and the controls that need no network or a simple one."""
    found, pixels = study.pooled(study.test), read_pixels(study)
    names = (HEADLINE, "accuracy", "AUC", "missed disease")
    rows = {name: score_row(found, name) for name in names}
    any_finding = finding_or_none(found)
    rows |= {f"any finding: {name}": score_row(any_finding, name) for name in names[:3]}
    report = leakage_report(study.parts.small)
    flags = check_clean(found, report)
    return {
        "scores": rows | {"logistic regression on pixels": score_row(pixels)},
        "differences": {"network minus pixels": difference_row(found, pixels)},
        "flags": flags[flags["red"]][["flag", "reason"]].to_dict("records"),
        "look-up": {"accuracy": report.baseline.value, "constant": report.majority},
        "images": {name: len(part) for name, part in study.parts.small.items()},
        "class names": list(study.test.class_names),
        "chance": 1 / study.classes,
        "learned": rows[HEADLINE]["low"] > 1 / study.classes,
    }


def finding_or_none(found: Predictions) -> Predictions:
    """Any finding against none, the first class; of two classes, the same."""
    none = found.probabilities[:, 0]
    both = np.stack([none, 1 - none], 1)
    names = (found.class_names[0], "any finding")
    return replace(found, labels=(found.labels > 0) * 1, probabilities=both, class_names=names)


def read_pixels(study: Study) -> Predictions:
    """Logistic regression on the pixels of small copies."""
    rows = {
        name: part.resized(PIXELS).images.flatten(1).float().numpy() / 255
        for name, part in study.parts.small.items()
    }
    small = study.parts.small
    sides = (rows["train"], small.train, rows["validation"], small.validation)
    return linear_probe(*sides, PIXEL_STRENGTHS).predict(rows["test"], small.test)


def calibration(study: Study) -> dict:
    """The calibration error before and after a temperature; the intervals are over patients."""
    before = [predict(model, study.test) for model in study.standard]
    validated = [predict(model, study.parts.small.validation) for model in study.standard]
    warm = [fit_temperature(each) for each in validated]
    after = [each(found) for each, found in zip(warm, before, strict=True)]
    sides = {"before": pool_trainings(before), "after": pool_trainings(after)}
    gain = calibration_difference(sides["before"], sides["after"])
    return {
        "scores": {
            name: as_row(calibration_error(each), **counted(each)) for name, each in sides.items()
        },
        "differences": {"before minus after": as_row(gain, **counted(sides["before"]))},
        "temperatures": [each.value for each in warm],
    }


def corrupted(study: Study) -> dict:
    """Every family of the modality at a middle severity, made at the size of the files."""
    files = study.parts.files.test.limit(study.real.corrupted)
    readers = [lambda split, model=model: predict(model, split) for model in study.standard]
    where = (files, study.real.modality, study.real.size)
    matrix = contamination_matrix({"network": readers}, *where, severities=(SEVERITY,))
    clean = matrix.pooled("network")
    found = {name: matrix.pooled("network", name, SEVERITY) for name in matrix.families}
    lost = {name: difference_row(clean, each) for name, each in found.items()}
    return {
        "scores": {"clean": score_row(clean)}
        | {name: score_row(each) for name, each in found.items()}
        | {"mean": score_row(matrix.over("network", matrix.families))},
        "differences": {f"clean minus {name}": row for name, row in lost.items()}
        | _two_entrances(study, files),
        "worst": max(lost, key=lambda name: lost[name]["value"]),
        "severity": SEVERITY,
    }


def _two_entrances(study: Study, files: Split) -> dict:
    """Strong noise in the file, minus the same noise after shrinking, if anything shrinks."""
    if study.real.file_size == study.real.size:
        return {}
    noise = Gaussian(severity=STRONG, rate=1.0)
    inside = study.pooled(noise(files).resized(study.real.size))
    after = study.pooled(noise(files.resized(study.real.size)))
    return {"file minus small": difference_row(inside, after)}


def promises(study: Study) -> dict:
    """Conformal sets of the first training: calibrated on half of the test, kept where it moves?"""
    model, files, small = study.standard[0], study.parts.files.test, study.real.size
    halves = split_by_group(files.labels.numpy(), files.patients, (0.5, 0.5), 0)
    known, new = (files.take(half) for half in halves)
    move = corruptions(study.real.modality, SEVERITY, names=(MOVED,))[MOVED]
    clean = [predict(model, each.resized(small)) for each in (known, new)]
    moved = [predict(model, move(each).resized(small)) for each in (known, new)]
    return kept_promises(clean, moved)


def kept_promises(clean: Sequence[Predictions], moved: Sequence[Predictions]) -> dict:
    """Coverage and calibration; each side holds the answers for calibration, and for the others."""
    sets = {"clean": fit_conformal(clean[0]), "again": fit_conformal(moved[0])}
    covered = {"clean": sets["clean"](clean[1]), "moved": sets["clean"](moved[1])}
    again = sets["again"](moved[1]).coverage
    off = again._replace(**{end: getattr(again, end) - 1 + MISCOVERAGE for end in again._fields})
    facts = {"trainings": 1, "patients": counted(clean[1])["patients"]}
    gaps = {
        "coverage lost": coverage_difference(*covered.values()),
        "calibrated again minus promise": off,
        "calibration error added": calibration_difference(moved[1], clean[1]),
    }
    return {
        "scores": {f"coverage, {k}": as_row(each.coverage, **facts) for k, each in covered.items()},
        "differences": {name: as_row(gap, **facts) for name, gap in gaps.items()},
    }
