"""All questions about a model on these images, within a budget of minutes."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from utils.audit.finding import failed
from utils.contamination.resizers import resizer_named
from utils.data.split import Split
from utils.evaluation.kept_batches import kept_tensor
from utils.examine.adapter import Expects, adapt
from utils.examine.section import Section, left_out
from utils.examine.sections.attacks import ask_attack, ask_patch, ask_smallest_change
from utils.examine.sections.backdoor import ask_backdoor
from utils.examine.sections.blending import ask_blending
from utils.examine.sections.clean import ask_clean, ask_leakage
from utils.examine.sections.confidence import ask_abstention, ask_calibration
from utils.examine.sections.corruptions import ask_corruptions
from utils.examine.sections.explanations import ask_explanations
from utils.examine.sections.interface import ask_interface
from utils.examine.sections.pipeline import ask_pipeline
from utils.examine.sections.shortcuts import ask_shortcuts
from utils.examine.sections.subgroups import ask_subgroups
from utils.examine.sections.universal import ask_universal
from utils.examine.subject import Subject
from utils.files import FULL_ERRORS
from utils.run import progress

MINUTES = 5.0
PASSES = 1500  # images that the attacks show to the model for each image that they attack
ATTACKS_SHARE = 0.5  # of the budget
REFERENCE_SHARE = 0.1  # of it, for the training of a reference network
FEWEST_ATTACKED, MOST_ATTACKED = 24, 200

Question = Callable[[Subject], Section]
QUESTIONS: dict[str, Question] = {  # a new question is one entry
    "Does it see what it should?": ask_interface,
    "How good is it?": ask_clean,
    "Does it know these patients?": ask_leakage,
    "Does the border decide?": ask_shortcuts,
    "Is it as good for everybody?": ask_subgroups,
    "Is it as right as it is sure?": ask_calibration,
    "Does it know when not to answer?": ask_abstention,
    "Does the pipeline matter?": ask_pipeline,
    "What does contamination cost?": ask_corruptions,
    "What can an attacker do?": ask_attack,
    "How small a change is enough?": ask_smallest_change,
    "What can a sticker do?": ask_patch,
    "Does it obey a mark?": ask_backdoor,
    "Can one change turn every image?": ask_universal,
    "Does it stay sure under other images?": ask_blending,
    "Where does it look?": ask_explanations,
}


@dataclass(frozen=True, eq=False)
class Examination:
    """A model's answers to all questions, on these images."""

    subject: Subject
    sections: Sequence[Section]
    model_name: str = "model"
    data_name: str = "images"


def examine(
    model: object,
    images: Split,
    known: Split | None = None,
    expects: Expects | None = None,
    columns: pd.DataFrame | None = None,
    minutes: float = MINUTES,
    epsilon: float = 4 / 255,
    keep: Path | None = None,
    attacked: int = 0,
    modality: str = "",
    seed: int = 0,
    names: tuple[str, str] = ("model", "images"),
    questions: Iterable[str] = (),
    resizer: str = "",
    activation: str = "",
    unread: Sequence[tuple[str, str]] = (),
) -> Examination:
    """Ask every question, or these, that fits into `minutes`; what is left out is named.

    How many images are attacked follows from the minutes, unless `attacked` says it.

    `model` is a torch module, a function from images to logits, or has `predict_proba`. `known`
    are the images it was trained on. With a folder `keep`, a stopped examination resumes.
    `resizer` is what shrinks files before the model, such as "opencv bilinear". `activation` says
    "softmax" or "sigmoid" (one for each class) where the numbers of the model cannot tell.
    `unread` are files that should be among the images, with the reason why they are not.
    """
    if minutes <= 0:
        raise ValueError(f"minutes must be above 0, got {minutes}")
    if not len(images):
        raise ValueError("there is no image; give at least one of each class")
    if unknown := set(questions) - set(QUESTIONS):
        raise ValueError(f"unknown question {min(unknown)!r}; choose from {', '.join(QUESTIONS)}")
    started = time.monotonic()
    adapted = adapt(model, images, expects or Expects(), activation)
    subject = Subject(
        adapted, images, known, _columns(columns), keep, epsilon, seed=seed, modality=modality,
        resizer=resizer_named(resizer) if resizer else None,
        reference_seconds=REFERENCE_SHARE * 60 * minutes, unread=unread,
    )  # fmt: skip
    subject.attacked = attacked or _attacked(subject, minutes)
    sections = ask_all(subject, started + 60 * minutes, questions)
    return Examination(subject, list(sections), *names)


def attacked_within(minutes: float, seconds_per_image: float) -> int:
    """How many images the attacks can take in their share of the budget."""
    affordable = ATTACKS_SHARE * 60 * minutes / (PASSES * seconds_per_image)
    return int(min(MOST_ATTACKED, max(FEWEST_ATTACKED, affordable)))


def _attacked(subject: Subject, minutes: float) -> int:
    """As many as this computer can attack, measured once: resumed, the images are the same."""

    def measured() -> Tensor:
        return torch.tensor(attacked_within(minutes, subject.seconds_per_image))

    pixels, about = (subject.images.images, subject.images.labels), ("attacked", subject.model)
    return int(kept_tensor(subject.keep, *pixels, measured, subject.seed, *about, minutes))


def ask_all(subject: Subject, deadline: float, questions: Iterable[str] = ()) -> Iterator[Section]:
    """The sections one by one; after the deadline, what is missing is named."""
    titles = [title for title in QUESTIONS if title in (set(questions) or QUESTIONS)]
    for title in (steps := progress(titles, "examining")):
        steps.set_postfix_str(title, refresh=True)
        yield _answered(QUESTIONS[title], subject, deadline).with_title(title)


def _answered(question: Question, subject: Subject, deadline: float) -> Section:
    if time.monotonic() > deadline:
        return left_out("Not reached within the minutes.", "Give it more time: --minutes 20.")
    try:
        return question(subject)
    except Exception as error:  # one question must not hide what the others found
        if getattr(error, "errno", None) in FULL_ERRORS:  # no report could be written either
            raise
        broken = failed(error)
        return Section(broken.severity, broken.measured, broken.meaning, broken.advice)


def _columns(columns: pd.DataFrame | None) -> pd.DataFrame:
    return pd.DataFrame() if columns is None else columns.astype(str).reset_index(drop=True)
