"""Is the model as often right as it is sure, and does it know when not to answer?"""

import numpy as np
import pandas as pd

from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import Predictions
from utils.evaluation.uncertainty.calibration import (
    calibration_error,
    fit_temperature,
    reliability,
)
from utils.evaluation.uncertainty.conformal import fit_conformal
from utils.evaluation.uncertainty.selective import (
    COVERAGE,
    risk_coverage,
    risk_coverage_area,
    selective_accuracy,
)
from utils.examine.section import ONE_LABEL, Section, does_not_apply, left_out
from utils.examine.subject import Subject
from utils.figures.uncertainty import reliability_diagram, risk_coverage_curves

LARGE = 0.1  # lower bound of the calibration error: ten points between sure and right
LEAST = 60  # images on each side: fewer decide nothing
PROMISED = 0.9
BY_ITSELF = (
    "All but the recalibrated are the probabilities of the answered class as the model states "
    "them, each by itself; if exactly one class is true, it is the odds of the class among all "
    "that count, and these are what the temperature mends."
)
CHOSEN = (
    "The corruptions are those of the modality: the one under which the true class loses most "
    "probability, found on the half that sets thresholds, and one in the middle of the ranking, in "
    "its mildest form. No threshold has seen them. Under each, {count:,} images are judged."
)
TOLERATED = 0.03  # below the promise: thresholds are set on some patients, not on all


def ask_calibration(subject: Subject) -> Section:
    """Confidence against accuracy, as it is and after one temperature set on half the patients."""
    first, second = subject.halves
    if min(len(first), len(second)) < LEAST:
        return _too_few()
    if not all(np.isfinite(each.probabilities).all()
               for each in (subject.clean, *subject.corrupted.values())):  # fmt: skip
        return does_not_apply("Some answers are no numbers, so none of them can be judged.")
    if subject.several:
        return calibration_by_finding(subject)
    judged, found = subject.stated.take(second), _conditions(subject)
    errors = {name: calibration_error(each) for name, each in found.items()}
    strong, mild = subject.corrupted
    error = errors["clean"]
    sure = float(judged.probabilities.max(1).mean() - judged.accuracy)
    way = "surer than it is right" if sure > 0 else "less sure than it is right"
    return Section(
        "warning" if error.low > LARGE else "ok",
        f"The calibration error is {error} points; on average the model is {abs(100 * sure):.0f} "
        f"points {way}.",
        "Of all predictions with 80 % confidence, 80 % should be right. The temperature was set on "
        "half of the patients, and everything is judged on the others. What chance alone would "
        "give is taken off the error, so it can be 0 where the two means differ a little. "
        + chosen_in_words(subject)
        + f" {BY_ITSELF}" * subject.model.each_by_itself,
        "Set a temperature on patients of your own before anybody reads these probabilities."
        if error.low > LARGE else "",
        pd.DataFrame({"calibration error (points)": errors}).astype(str)
        .rename_axis("images").reset_index(),
        numbers={
            "calibration error": error, "recalibrated": errors["recalibrated"],
            "calibration error under the worst corruption": errors[strong],
            "calibration error under a mild corruption": errors[mild],
        },
        figures={
            "Confidence and accuracy": reliability_diagram(
                {name: reliability(each) for name, each in found.items()}, errors
            )
        },
    )  # fmt: skip


def chosen_in_words(subject: Subject) -> str:
    """Which corruptions these are, and on how many images."""
    return CHOSEN.format(count=len(next(iter(subject.corrupted.values())).labels))


def _conditions(subject: Subject) -> dict[str, Predictions]:
    """What the model states for the second half, as it is and otherwise."""
    first, second = subject.halves
    judged = subject.clean.take(second)
    found = {"clean": subject.stated.take(second)}
    if subject.model.each_by_itself:
        found["if exactly one class is true"] = judged
    found["recalibrated"] = fit_temperature(subject.clean.take(first))(judged)
    return found | subject.stated_corrupted


def calibration_by_finding(subject: Subject) -> Section:
    """The calibration error of each finding, taken as a question with two answers."""
    first, second = subject.halves
    known, judged = subject.clean.take(first), subject.clean.take(second)
    rows, found = {}, {}
    for label, name in enumerate(judged.class_names):
        mended = fit_temperature(present_or_not(known, label))(present_or_not(judged, label))
        found[name] = calibration_error(present_or_not(judged, label))
        rows[name] = {"as it is (points)": found[name],
                      "recalibrated (points)": calibration_error(mended)}  # fmt: skip
        rows[name] |= {f"{kind} (points)": calibration_error(present_or_not(each, label))
                       for kind, each in subject.corrupted.items()}  # fmt: skip
    worst = max(found, key=lambda name: found[name].value)
    poor = [name for name in found if found[name].low > LARGE]
    return Section(
        "warning" if poor else "ok",
        f"The calibration error is largest for {worst}: {found[worst]} points.",
        "Of all images to which the model gives a finding with 80 %, 80 % should have it. Each "
        "finding has its own error, and its own temperature, set on half of the patients; "
        f"everything is judged on the others. {chosen_in_words(subject)}",
        f"Set temperatures on patients of your own, above all for {', '.join(poor)}."
        if poor else "",
        pd.DataFrame(rows).T.astype(str).rename_axis("finding").reset_index(),
        numbers={f"calibration error of {name}": each for name, each in found.items()},
    )  # fmt: skip


def present_or_not(found: Predictions, label: int) -> Predictions:
    """One finding as a question with two answers."""
    present = found.probabilities[:, label]
    both = np.stack([1 - present, present], 1)
    return Predictions(found.has(label).astype(int), both, found.groups, ("absent", "present"))


def ask_abstention(subject: Subject) -> Section:
    """Are its sure answers the right ones, and do sets of classes keep what they promise?"""
    if subject.several:
        return does_not_apply(f"{ONE_LABEL}Sets of classes promise the one true class.")
    if not subject.learned:
        return does_not_apply("The model knows too little about clean images to be sure of any.")
    first, second = subject.halves
    if min(len(first), len(second)) < LEAST:
        return _too_few()
    judged, (strong, mild) = subject.clean.take(second), subject.corrupted
    conditions = {"clean": judged, **subject.corrupted}
    sets = fit_conformal(subject.clean.take(first), alpha=1 - PROMISED)
    rows = {}
    for name, each in conditions.items():
        made = sets(each)
        rows[name] = {
            "accuracy (%)": score_of(each),
            f"of the surest {COVERAGE:.0%} (%)": selective_accuracy(each),
            "mean risk (%)": risk_coverage_area(each),
            "sets with the truth (%)": made.coverage,
        }
    table = pd.DataFrame(rows).T
    all_right, sure = table.iloc[0, 0], table.iloc[0, 1]
    kept, under_strong, under_mild = table.iloc[:, 3]
    broken = kept.high < PROMISED - TOLERATED
    return Section(
        "warning" if broken else "ok",
        f"Accuracy {all_right} %; on the surest {COVERAGE:.0%} of the images {sure} %. Sets that "
        f"promise {PROMISED:.0%} contain the truth in {kept} %; under "
        f"{strong} in {under_strong} %, under {mild} in {under_mild} %.",
        "A model that knows when not to answer is right more often where it is sure. Sets of "
        "classes are calibrated on half of the patients; they keep their promise only where new "
        f"images come from the same source. {chosen_in_words(subject)}",
        "Set the thresholds again on patients like these." if broken else "",
        table.astype(str).rename_axis("images").reset_index(),
        numbers={
            "selective accuracy": sure, "coverage": kept,
            "coverage under the worst corruption": under_strong,
            "coverage under a mild corruption": under_mild,
        },
        figures={
            "Errors among the surest images": risk_coverage_curves(
                {name: risk_coverage(each) for name, each in conditions.items()},
                COVERAGE,
            )
        },
    )  # fmt: skip


def _too_few() -> Section:
    return left_out(
        f"Fewer than {LEAST} images in half of the patients.", "Get more images of other patients."
    )
