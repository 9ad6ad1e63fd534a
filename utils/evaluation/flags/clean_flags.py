"""The red flags of a clean score: is it about these images, and more than a constant answer?"""

from dataclasses import dataclass

import numpy as np

from utils.evaluation.findings.scores import usual_score
from utils.evaluation.flags.judging import NOT_RESOLVED
from utils.evaluation.leakage import COPIES_TOLERATED, LeakageReport
from utils.evaluation.metrics import majority_share, score_of
from utils.evaluation.predictions import Predictions


@dataclass(frozen=True)
class CleanEvidence:
    """The results of an evaluation on clean images; `leakage` is that of the splits."""

    clean: Predictions
    leakage: LeakageReport

    @property
    def scored(self) -> Predictions:
        """One row per scored image, however many trainings are pooled."""
        return self.clean.by_training[0]

    @property
    def foreign(self) -> np.ndarray:
        """The scored images whose patients are not in the test split."""
        return ~np.isin(self.scored.groups, self.leakage.test_patients)


def _no_better_than(value: float, clean: Predictions) -> str | None:
    name = usual_score(clean)
    found = score_of(clean, name)
    if found.low <= value:
        return f"{name} {found} %, against {value:.1%}"


def _of_constant(clean: Predictions) -> float:
    """What a constant answer scores."""
    return 0.5 if usual_score(clean) == "AUC" else majority_share(clean.labels)


def _named(predicted: np.ndarray, names: tuple[str, ...]) -> str:
    """A class, or the findings of an image."""
    if not predicted.ndim:
        return names[predicted]
    return ", ".join(np.asarray(names)[predicted == 1]) or "without a finding"


def _one_prediction(e: CleanEvidence) -> str | None:
    predicted = np.unique(e.clean.predicted, axis=0)
    if len(predicted) == 1 and len(np.unique(e.clean.labels, axis=0)) > 1:
        return f"every image is predicted as {_named(predicted[0], e.clean.class_names)}"


def _other_images(e: CleanEvidence) -> str | None:
    """By their patients; where none are known, only the number of images can tell."""
    scored, leakage = e.scored, e.leakage
    if leakage.test_patients is None:
        if len(scored.labels) == leakage.tested:
            return None
        return f"{NOT_RESOLVED}: {len(scored.labels)} of {leakage.tested} images, patients unknown"
    if not e.foreign.any():
        return None
    known = np.isin(scored.groups[e.foreign], leakage.training_patients).sum()
    return f"{e.foreign.sum()} of {len(scored.labels)} images, {known} of training patients"


def _repeated(e: CleanEvidence) -> str | None:
    """More images of a patient than the test split has, or identical images in that split."""
    scored, leakage = e.scored, e.leakage
    if leakage.repeated > COPIES_TOLERATED * leakage.tested:
        return f"{leakage.repeated} test images are identical to another one"
    extra = max(0, len(scored.labels) - leakage.tested)
    if leakage.test_patients is not None:
        patients, counts = np.unique(scored.groups[~e.foreign], return_counts=True)
        allowed = (patients[:, None] == leakage.test_patients).sum(1)
        extra = int((counts - allowed).clip(0).sum())
    if extra:
        return f"{extra} images more than the test split has of these patients"


def _blind(e: CleanEvidence) -> str | None:
    if e.leakage.blind:
        return f"{NOT_RESOLVED}: patients unknown, and pixels do not show them"


ABOUT_THE_SCORE = (  # the others are about what links the scored images to those of the training
    "no better than the majority class",
    "no better than a nearest-neighbour look-up",
    "one prediction for every image",
)
CLEAN_FLAGS = {
    "no better than the majority class": lambda e: _no_better_than(_of_constant(e.clean), e.clean),
    "no better than a nearest-neighbour look-up": lambda e: _no_better_than(
        e.leakage.baseline.value, e.clean
    ),
    "one prediction for every image": _one_prediction,
    "scored images are not those of the test split": _other_images,
    "test images are repeated": _repeated,
    "duplicates across splits": lambda e: (
        f"{e.leakage.copies} images, {e.leakage.identical} identical" if e.leakage.copied else None
    ),
    "siblings across splits": lambda e: (
        f"{e.leakage.siblings:.0%} of the test images" if e.leakage.related else _blind(e)
    ),
    "a known patient in two splits": lambda e: (
        f"{e.leakage.shared_groups} patients" if e.leakage.shared_groups else _blind(e)
    ),
}
