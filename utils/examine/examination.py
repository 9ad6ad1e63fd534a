"""All questions about a model on these images, within a budget of minutes."""

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from utils.audit.finding import failed
from utils.contamination.resizers import resizer_named
from utils.data.split import Split
from utils.evaluation.kept_batches import kept_tensor
from utils.examine.adapter import Expects, adapt
from utils.examine.budget import Budget, NotWithinMinutes, OutOfMinutes, now, seconds_per_image
from utils.examine.reporting.report import ModelReport
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
from utils.run import in_batch, progress

MINUTES = 5.0
PASSES = 1500  # images that the attacks show to the model for each image that they attack
ATTACKS_SHARE = 0.5  # of the budget
CLEAN_SHARE, FEWEST_IMAGES = 0.2, 120  # of it, for one pass of all images; and the fewest of these
REFERENCE_SHARE = 0.1  # of it, for the training of a reference network
LONGER = 4  # times the minutes, where they were not enough for a question
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
) -> ModelReport:
    """Ask every question, or these, that fits into `minutes`; what is left out is named.

    A slow model is shown fewer images, down to a part of them drawn at random. How many are
    attacked follows from the minutes, too, unless `attacked` says it.

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
    started = now()
    adapted = adapt(model, images, expects or Expects(), activation)
    budget = Budget(60 * minutes, started, _speed(adapted, images, keep, seed))
    count = budget.images(len(images), 1, CLEAN_SHARE, floor=FEWEST_IMAGES)
    subject = Subject(
        adapted.within(budget), images.limit(count, seed), known,
        _columns(columns, images.some_rows(count, seed)), keep, epsilon,
        attacked or attacked_within(minutes, budget.per_image), seed, modality,
        resizer_named(resizer) if resizer else None, REFERENCE_SHARE * 60 * minutes, unread,
        budget, at_hand=len(images),
    )  # fmt: skip
    sections = list(ask_all(subject, questions))
    return ModelReport(subject, sections, *names, minutes=budget.taken / 60)


def attacked_within(minutes: float, seconds_per_image: float) -> int:
    """How many images the attacks can take in their share of the budget."""
    affordable = ATTACKS_SHARE * 60 * minutes / (PASSES * seconds_per_image)
    return int(min(MOST_ATTACKED, max(FEWEST_ATTACKED, affordable)))


def _speed(model: nn.Module, images: Split, keep: Path | None, seed: int) -> float:
    """Of this computer, measured once: resumed, the images of each question are the same."""

    def measured() -> Tensor:
        return torch.tensor(seconds_per_image(model, images), dtype=torch.float64)

    return float(kept_tensor(keep, images.images, images.labels, measured, seed, "speed", model))


def ask_all(subject: Subject, questions: Iterable[str] = ()) -> Iterator[Section]:
    """The sections one by one; after the minutes, what is missing is named."""
    titles = [title for title in QUESTIONS if title in (set(questions) or QUESTIONS)]
    for title in (steps := progress(titles, "examining")):
        steps.set_postfix_str(title, refresh=True)
        section = _answered(QUESTIONS[title], subject).with_title(title)
        if (section.severity == "skipped" or section.shortened) and not in_batch():
            steps.write(f"{title} {section.shortened or section.measured}", file=sys.stderr)
        yield section


def _answered(question: Question, subject: Subject) -> Section:
    subject.shortened.clear()
    if subject.budget.left < 0:
        return _late(subject, "Not reached within the minutes.")
    try:
        return question(subject).with_shortened(subject.shortened)
    except NotWithinMinutes as reason:
        return left_out(str(reason), f"Give it more time: --minutes {reason.minutes}.")
    except OutOfMinutes:
        return _late(subject, "Begun, and stopped at the end of the minutes.")
    except Exception as error:  # one question must not hide what the others found
        if getattr(error, "errno", None) in FULL_ERRORS:  # no report could be written either
            raise
        broken = failed(error)
        return Section(broken.severity, broken.measured, broken.meaning, broken.advice)


def _late(subject: Subject, reason: str) -> Section:
    more = math.ceil(LONGER * subject.budget.seconds / 60)
    return left_out(reason, f"Give it more time: --minutes {more}.")


def _columns(columns: pd.DataFrame | None, rows: Tensor) -> pd.DataFrame:
    if columns is None or columns.empty:
        return pd.DataFrame()
    return columns.astype(str).iloc[rows.numpy()].reset_index(drop=True)
