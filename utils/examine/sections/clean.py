"""How good is the model on these images, and may that score be believed?"""

from pathlib import Path

import numpy as np
import pandas as pd

from utils.audit.finding import count_of
from utils.evaluation.findings.scores import finding_table
from utils.evaluation.flags import check_clean
from utils.evaluation.flags.clean_flags import ABOUT_THE_SCORE
from utils.evaluation.intervals import Interval, mean_of
from utils.evaluation.metrics import score_of, scores
from utils.evaluation.predictions import FindingPredictions, Predictions
from utils.evaluation.resampling import few_patients
from utils.examine.section import Section, in_words, left_out, points
from utils.examine.subject import Subject
from utils.figures.confusion import confusions

NAMED, TOLERATED = 3, 0.01  # files that are not read: so many are named; this share is no matter
FAR_BEHIND = 0.05  # of the score, below that of the look-up
BLIND = (
    "Patients on both sides are not visible: no numbers are shared, and pixels do not show them."
)
NOTHING_KNOWN = (
    "The model is not shown to know anything about these images. Look at the first question: does "
    "it see what it should?"
)
OTHERS_KNOW_MORE = (
    "Find out why it is right less often than a look-up among its own training images. If its AUC "
    "is high, another threshold may be enough."
)
FEW_KNOWN = 10  # images of known patients: fewer show no difference


def ask_clean(subject: Subject) -> Section:
    """Scores with intervals over patients, beside a constant answer and a look-up."""
    answers = subject.clean
    if subject.at_hand > len(subject.images):
        subject.shortened.append(f"{len(subject.images):,} of {subject.at_hand:,} images")
    severity, missing, advice = _unread(subject)
    over, behind = subject.over_look_up, ""
    if over is not None and over.high < -FAR_BEHIND:
        advice, behind = OTHERS_KNOW_MORE, f" {_beside_look_up(over, subject)}"
    found, (worst, by_class) = _headlines(answers, subject.headline), _worst_class(answers)
    area = "" if subject.several or "AUC" not in found else f" AUC {found['AUC']} %."
    return Section(
        "alarm" if behind or not subject.learned else severity,
        f"{subject.headline} {found[subject.headline]} %; a constant answer has "
        f"{100 * subject.chance:.0f}.{area}{worst}{behind}{missing}",
        _meaning(subject),
        advice if subject.learned else NOTHING_KNOWN,
        _table(answers),
        numbers=found | by_class | {"missed disease": score_of(answers, "missed disease")},
        figures={} if subject.several
        else {"Which class is taken for which": confusions({"clean": answers})},
        answers=_rows(answers, subject.stated),
    )  # fmt: skip


def _headlines(answers: Predictions, headline: str) -> dict[str, Interval]:
    """The score that stands for the model, and the area that no threshold changes."""
    found = {name: score_of(answers, name) for name in dict.fromkeys((headline, "AUC"))}
    return {n: each for n, each in found.items() if n == headline or np.isfinite(each.value)}


def _worst_class(answers: Predictions) -> tuple[str, dict[str, Interval]]:
    """A mean over classes can hide one that is hardly ever recognised."""
    if isinstance(answers, FindingPredictions):
        return "", {}
    rows = {name: answers.labels == label for label, name in enumerate(answers.class_names)}
    right = {name: mean_of(answers.right[of_class], answers.groups[of_class])
             for name, of_class in rows.items() if of_class.any()}  # fmt: skip
    name = min(right, key=lambda each: right[each].value)
    words = f" Of the images of {name}, the worst class, {right[name]} % are classified correctly."
    return words, {"worst class": right[name]}


def _beside_look_up(over: Interval, subject: Subject) -> str:
    way, shown = "better", over
    if over.value < 0:
        way, shown = "worse", Interval(-over.value, -over.high, -over.low)
    return (
        f"The model is {points(shown)} of {subject.share} {way} than a look-up of the nearest "
        "training image."
    )


def _unread(subject: Subject) -> tuple[str, str, str]:
    """How severe it is that files are missing, in words, and what to do."""
    if not subject.unread:
        return "ok", "", ""
    some = "; ".join(f"{Path(file).name}: {reason}" for file, reason in subject.unread[:NAMED])
    missing = len(subject.unread)
    return (
        "warning" if missing > TOLERATED * (missing + len(subject.images)) else "note",
        f" {count_of(missing, 'file is', 'files are')} not among these images ({some}).",
        "Run `second-look audit` on them; a score without the files that fail is about others.",
    )


def _table(answers: Predictions) -> pd.DataFrame:
    """All scores; of several findings, those of each."""
    if isinstance(answers, FindingPredictions):
        return finding_table(answers).reset_index()
    table = (100 * scores(answers)).round(1).rename_axis("score (%)").reset_index()
    missed = score_of(answers, "missed disease")
    table.loc[len(table)] = [f"missed: {answers.class_names[0]} predicted, another class true",
                             *(np.round(100 * np.array(missed), 1))]  # fmt: skip
    return table


def _meaning(subject: Subject) -> str:
    """Over what the intervals are, and what they leave out."""
    answers = subject.clean
    patients, few = len(np.unique(answers.groups)), few_patients(answers)
    known = (
        f" of {patients:,} patients. Intervals are over patients."
        if subject.patients_known
        else "; their patients are not known. Intervals are over images: where a patient has "
        "several, the true ones are wider."
    )
    return (
        "Better than a constant answer is enough for ok here; whether it is enough for patients is "
        f"yours to say. {len(answers.labels):,} images{known} Another training gives another "
        "network." + f" There are {few}: that part of the score is hardly known." * bool(few)
    )


def _rows(answers: Predictions, stated: Predictions) -> pd.DataFrame:
    """What is written for each image: label, answer, and the probability stated for each class."""
    columns = {
        f"p({name})": stated.probabilities[:, k] for k, name in enumerate(stated.class_names)
    }
    label, predicted = (in_words(each, answers) for each in (answers.labels, answers.predicted))
    return pd.DataFrame({"label": label, "clean": predicted, **columns})


def ask_leakage(subject: Subject) -> Section:
    """Does the model know these images, or their patients, from its training?"""
    if subject.known is None:
        return left_out(
            "The images of the training are not at hand, so nothing is known about leakage.",
            "Give them as --train: a score on known patients is no score.",
        )
    report, over = subject.leakage, subject.over_look_up
    flags = check_clean(subject.clean, report)
    red = flags[flags["red"]]
    linked = not set(red["flag"]) <= set(ABOUT_THE_SCORE)
    severity, advice = _gravity(linked, len(red) > 0, report.blind)
    known, links = _known_patients(subject), [f"{reason}." for reason in report.reasons]
    measured = _beside_look_up(over, subject)
    return Section(
        severity,
        " ".join(filter(None, [measured, *links, known, BLIND * report.blind])),
        "Images of patients that the model has met, and copies of training images, test its "
        "memory. A sibling is a training image so near, in pixels, that it may show the patient.",
        advice,
        pd.concat([pd.Series(report.row, name="found").to_frame(), _reasons(red)])
        .rename_axis("about").reset_index(),
        numbers={"better than look-up": over},
    )  # fmt: skip


def _gravity(linked: bool, no_better: bool, blind: bool) -> tuple[str, str]:
    """How severe it is, and what to do. Of an easy task, a look-up is as good as a sound model:
    that alone is no sign of known patients. How much better it is stands with the score."""
    if linked:
        return "alarm", "Score the model on patients that it has not met."
    if no_better:
        return "note", "Show the look-up beside the score: the task may be as easy as that."
    if blind:
        return "note", "Get the patient of each image; from Python, `known` may have them."
    return "ok", ""


def _reasons(red: pd.DataFrame) -> pd.DataFrame:
    return red.set_index("flag")[["reason"]].rename(columns={"reason": "found"})


def _known_patients(subject: Subject) -> str:
    """What images of known patients add to the accuracy, where there are some of both."""
    trained = subject.leakage.training_patients
    known = np.isin(subject.images.patients, [] if trained is None else trained)
    if min(known.sum(), (~known).sum()) < FEW_KNOWN:
        return ""
    sides = {name: score_of(subject.clean.take(rows), subject.share)
             for name, rows in (("known", known), ("new", ~known))}  # fmt: skip
    score = subject.share[0].upper() + subject.share[1:]
    return f"{score} on known patients {sides['known']} %, on new ones {sides['new']} %."
