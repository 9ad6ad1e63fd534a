"""The red flags of a clean score: is it about these images, and more than a constant answer?"""

from dataclasses import dataclass

import numpy as np

from utils.evaluation.flags.judging import NOT_RESOLVED
from utils.evaluation.leakage import COPIES_TOLERATED, LeakageAlarm
from utils.evaluation.metrics import majority_share, score_of
from utils.evaluation.predictions import Predictions


@dataclass(frozen=True)
class CleanEvidence:
    """The results of an evaluation on clean images; the alarm is that of the splits."""

    clean: Predictions
    alarm: LeakageAlarm

    @property
    def scored(self) -> Predictions:
        """One row per scored image, however many trainings are pooled."""
        return self.clean.by_training[0]

    @property
    def foreign(self) -> np.ndarray:
        """The scored images whose patients are not in the test split."""
        return ~np.isin(self.scored.groups, self.alarm.test_patients)


def _no_better_than(value: float, clean: Predictions) -> str | None:
    accuracy = score_of(clean)
    if accuracy.low <= value:
        return f"accuracy {accuracy} %, against {value:.1%}"


def _one_prediction(e: CleanEvidence) -> str | None:
    predicted = np.unique(e.clean.probabilities.argmax(1))
    if len(predicted) == 1 and len(np.unique(e.clean.labels)) > 1:
        return f"every image is predicted as {e.clean.class_names[predicted[0]]}"


def _other_images(e: CleanEvidence) -> str | None:
    """By their patients; where none are known, only the number of images can tell."""
    scored, alarm = e.scored, e.alarm
    if alarm.test_patients is None:
        if len(scored.labels) == alarm.tested:
            return None
        return f"{NOT_RESOLVED}: {len(scored.labels)} of {alarm.tested} images, patients unknown"
    if not e.foreign.any():
        return None
    known = np.isin(scored.groups[e.foreign], alarm.training_patients).sum()
    return f"{e.foreign.sum()} of {len(scored.labels)} images, {known} of training patients"


def _repeated(e: CleanEvidence) -> str | None:
    """More images of a patient than the test split has, or identical images in that split."""
    scored, alarm = e.scored, e.alarm
    if alarm.repeated > COPIES_TOLERATED * alarm.tested:
        return f"{alarm.repeated} test images are identical to another one"
    extra = max(0, len(scored.labels) - alarm.tested)
    if alarm.test_patients is not None:
        patients, counts = np.unique(scored.groups[~e.foreign], return_counts=True)
        allowed = (patients[:, None] == alarm.test_patients).sum(1)
        extra = int((counts - allowed).clip(0).sum())
    if extra:
        return f"{extra} images more than the test split has of these patients"


CLEAN_FLAGS = {
    "no better than the majority class": lambda e: _no_better_than(
        majority_share(e.clean.labels), e.clean
    ),
    "no better than a nearest-neighbour look-up": lambda e: _no_better_than(
        e.alarm.baseline.value, e.clean
    ),
    "one prediction for every image": _one_prediction,
    "scored images are not those of the test split": _other_images,
    "test images are repeated": _repeated,
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
