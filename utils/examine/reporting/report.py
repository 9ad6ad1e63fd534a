"""The trust report: a verdict, a page for people, numbers for programs, a row for each image."""

import json
import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from utils.audit.finding import by_gravity, exit_code, exit_code_in_words, most_severe
from utils.audit.verdict import first_steps, not_made
from utils.evaluation.intervals import Interval
from utils.examine.reporting.schema import SCHEMA
from utils.examine.section import Section
from utils.examine.subject import Subject
from utils.files import atomic_write, only_for_owner, private_folder

PAGE, FACTS, IMAGES, CARD = "index.html", "report.json", "images.csv", "model_card.md"


@dataclass(frozen=True, eq=False)
class ModelReport:
    """What was found about a model on these images; `minutes` is what it took."""

    subject: Subject
    sections: Sequence[Section]
    model_name: str = "model"
    data_name: str = "images"
    minutes: float = 0.0

    @property
    def exit_code(self) -> int:
        return exit_code(self.sections)

    @property
    def severity(self) -> str:
        return most_severe(section.severity for section in self.sections)

    @property
    def verdict(self) -> str:
        """May we use it? In at most three sentences."""
        return verdict(self.sections)

    @property
    def table(self) -> pd.DataFrame:
        """One row per question."""
        rows = [(s.title, s.severity, s.measured) for s in self.sections]
        return pd.DataFrame(rows, columns=["question", "severity", "found"]).set_index("question")

    @property
    def trust(self) -> pd.DataFrame:
        """Every number with its 95 % interval, by question."""
        rows = [
            (section.title, name, *_as_row(found))
            for section in self.sections
            for name, found in section.numbers.items()
        ]
        return pd.DataFrame(rows, columns=["question", "number", "value", "low", "high"])

    @property
    def images(self) -> pd.DataFrame:
        """One row per image: file, patient, label, and the answer under each condition."""
        split = self.subject.images
        first = pd.DataFrame({"file": split.files or "", "patient": split.patients},
                             index=range(len(split)))  # fmt: skip
        return pd.concat([first, *(s.answers for s in self.sections if len(s.answers))], axis=1)

    @property
    def over(self) -> str:
        """What was taken beyond the budget; empty if nothing was."""
        budget = self.subject.budget.seconds / 60
        if self.minutes <= budget:
            return ""
        return f"It took {self.minutes:.1f} minutes, and the budget was {budget:g}."

    def __getitem__(self, title: str) -> Section:
        return next(section for section in self.sections if section.title == title)

    def summary(self, width: int = 80) -> str:
        """For a terminal: the verdict first, then the questions by gravity."""
        lines = [f"Verdict     {self.verdict}"]
        lines += [f"Do first    {step.title} {step.advice}" for step in first_steps(self.sections)]
        lines += [f"Minutes     {self.over}"] * bool(self.over)
        lines += ["", *(section.as_text(width) for section in by_gravity(self.sections)), ""]
        return "\n".join([*lines, f"Exit code   {exit_code_in_words(self.sections)}"])

    def save(self, folder: str | Path) -> Path:
        """Write the page, the facts, the table of images and a model card; the path of the page."""
        from utils.examine.reporting.page import model_card, render_page

        texts = {
            IMAGES: self.images.to_csv(index=False, lineterminator="\n"),
            FACTS: json.dumps(self.facts(), indent=1, default=str) + "\n",
            CARD: model_card(self),
            PAGE: render_page(self),
        }
        out = private_folder(Path(folder))
        with only_for_owner(), ExitStack() as files:  # all of them are new, or none is
            for name, text in texts.items():
                unfinished = files.enter_context(atomic_write(out / name))
                unfinished.write_text(text, encoding="utf-8", errors="backslashreplace")
        return out / PAGE

    def facts(self) -> dict:
        """The report without images; numbers with an interval are [value, low, high]."""
        subject = self.subject
        return {
            "schema": SCHEMA,
            "model": self.model_name,
            "images": self.data_name,
            "content": subject.images.content_hash(),
            "count": len(subject.images),
            "images at hand": subject.at_hand or len(subject.images),
            "files not read": len(subject.unread),
            "classes": list(subject.images.class_names),
            "epsilon": subject.epsilon,
            "attacked images": len(subject.few_rows),
            "minutes": _finite(subject.budget.seconds / 60),
            "minutes taken": round(self.minutes, 2),
            "verdict": self.verdict,
            "not examined": not_made(self.sections),
            "severity": self.severity,
            "exit code": self.exit_code,
            "questions": [_facts(section) for section in self.sections],
        }


def verdict(sections: Sequence[Section]) -> str:
    """One sentence by the gravest finding; what was not examined is a part of it."""
    code = exit_code(sections)
    titles = {
        kind: " ".join(s.title for s in sections if s.severity == kind)
        for kind in ("alarm", "warning", "failed")
    }
    sentences = {
        0: "Nothing was found that speaks against its figures. They hold for clean images like "
        "these; the notes say what lowers them.",
        1: f"Look before you use it: {titles['warning'] or 'some questions are not answered.'}",
        2: f"Do not use it, or its figures, yet: {titles['alarm']}",
        3: f"No verdict, because a question failed: {titles['failed']}",
    }
    return " ".join(filter(None, [sentences[code], not_made(sections)]))


def _facts(section: Section) -> dict:
    return {
        "question": section.title,
        "severity": section.severity,
        "found": section.measured,
        "meaning": section.meaning,
        "what to do": section.advice,
        "shortened": section.shortened,
        "numbers": {name: _plain(found) for name, found in section.numbers.items()},
        "table": section.table.astype(str).to_dict("records"),
    }


def _plain(found) -> list | float | str | None:
    """NaN is no JSON."""
    if isinstance(found, Interval):
        return [_plain(float(each)) for each in found]
    return None if isinstance(found, float) and found != found else found


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _as_row(found) -> tuple:
    return tuple(found) if isinstance(found, Interval) else (found, None, None)
