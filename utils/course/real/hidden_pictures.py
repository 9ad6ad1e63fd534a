"""Pictures hidden in the files of a real set, behind a pipeline that shrinks them."""

from dataclasses import replace

import numpy as np

from utils.contamination.hidden_images import HiddenImage
from utils.contamination.image_scaling import Scaling
from utils.contamination.resizers import Resizer, downscale
from utils.course.real.networks import Study
from utils.course.real.steps import as_row, difference_row, score_row
from utils.data.patients.splitting import split_by_group
from utils.data.split import Split
from utils.defences.restoration import SelectiveFilter
from utils.detection.scaling_detectors import ScalingDetector
from utils.evaluation.intervals import mean_of
from utils.evaluation.roc import roc_scores

PIPELINE = Resizer("opencv", "bilinear")
IMAGES = 180  # test files that hide something, as many of each class
OWN = 0.25  # share of the patients that set the threshold of the detector
DETECTOR = "read pixels, worst tile"


def hidden_pictures(study: Study) -> dict:
    """Another patient in each file: what the networks predict, what is flagged, what is repaired.

    All trainings read what the pipeline makes of the files.
    """
    own, test = _sides(study.parts.files.test.balanced(IMAGES))
    hiding, alike = (_hide(study, test, control) for control in (False, True))
    size = (study.real.size, study.real.size)
    files = {
        "nothing hidden": test,
        "same diagnosis": alike(test),
        "another diagnosis": hiding(test),
    }
    cure = SelectiveFilter(PIPELINE, size)
    files["another diagnosis, repaired"] = replace(
        files["another diagnosis"], images=cure(files["another diagnosis"].images)
    )
    found = {name: study.pooled(_shrunk(study, each)) for name, each in files.items()}
    read_as_usual = study.pooled(test.resized(study.real.size))
    pairs = {
        "nothing minus another": ("nothing hidden", "another diagnosis"),
        "same minus nothing": ("same diagnosis", "nothing hidden"),
        "repaired minus hidden": ("another diagnosis, repaired", "another diagnosis"),
    }
    flagged = _flagged(study, own, test, files["another diagnosis"])
    return {
        "scores": {name: score_row(each) for name, each in found.items()}
        | {"nothing hidden, resized with care": score_row(read_as_usual)}
        | flagged["scores"],
        "differences": {
            name: difference_row(found[first], found[second])
            for name, (first, second) in pairs.items()
        }
        | flagged["differences"],
        "images": len(test),
        "ratio": study.real.file_size / study.real.size,
    }


def _sides(some: Split) -> tuple[Split, Split]:
    parts = split_by_group(some.labels.numpy(), some.patients, (OWN, 1 - OWN))
    return some.take(parts[0]), some.take(parts[1])


def _hide(study: Study, pictures: Split, control: bool = False) -> HiddenImage:
    small = _shrunk(study, pictures)
    return HiddenImage(rate=1.0, pictures=small, attack=Scaling(PIPELINE), control=control)


def _shrunk(study: Study, files: Split) -> Split:
    return downscale(files, PIPELINE, study.real.size)


def _flagged(study: Study, own: Split, test: Split, hiding: Split) -> dict:
    """The detector on files of patients that did not set its threshold."""
    size, patients = (study.real.size, study.real.size), len(np.unique(test.patients))
    detector = ScalingDetector(PIPELINE, size, DETECTOR).fit(own, _hide(study, own)(own))
    clean, hidden = detector.score(test), detector.score(hiding)
    truth = np.repeat([False, True], len(test))
    owners = np.tile(test.patients, 2)
    area = roc_scores(np.concatenate([clean, hidden]), truth, owners).loc["AUROC"]
    flags = [(each > detector.threshold).astype(float) for each in (clean, hidden)]
    alarms = mean_of(flags[0], test.patients)
    caught = mean_of(flags[1] - flags[0], test.patients)
    return {
        "scores": {
            "AUROC of hidden pictures": {
                **{end: float(area[end]) for end in ("value", "low", "high")},
                **{"trainings": 1, "patients": patients},
            }
        },
        "differences": {
            "flagged, hidden minus nothing": as_row(caught, patients=patients),
            "false alarms": as_row(alarms, patients=patients),
        },
    }
