"""What one question about the model has found, with numbers for programs and figures for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils.audit.finding import Finding
from utils.data.formats.findings import as_label
from utils.evaluation.intervals import Interval
from utils.evaluation.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Section(Finding):
    """A finding with its figures; `numbers` go into report.json as they are.

    `answers` has one row for each image, and a column for each condition that was tried.
    `shortened` says which images were left out because of the minutes.
    """

    numbers: Mapping[str, Interval | float | str] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    answers: pd.DataFrame = field(default_factory=pd.DataFrame)
    shortened: str = ""

    def with_title(self, title: str) -> "Section":
        return replace(self, title=title)

    def with_shortened(self, parts: Sequence[str]) -> "Section":
        """Says so in its first paragraph, where the minutes allowed only parts of it."""
        if not parts:
            return self
        text = f"Shortened to fit the minutes: {', '.join(dict.fromkeys(parts))}."
        return replace(self, shortened=text, measured=f"{self.measured} {text}")


def in_words(labels: np.ndarray, answers: Predictions) -> list[str]:
    """The class of each image, or its findings in one text."""
    names = answers.class_names
    if labels.ndim == 1:
        return [names[label] for label in labels]
    return [as_label(row, names) for row in labels]


def answers_of(found: Mapping[str, Predictions], rows: np.ndarray) -> pd.DataFrame:
    """The predicted class of the images in these rows under each condition: for `answers`."""
    columns = {name: in_words(each.predicted, each) for name, each in found.items()}
    return pd.DataFrame(columns, index=np.asarray(rows))


def differ(first: Predictions, second: Predictions) -> np.ndarray:
    """Which images get another class, or another finding more or less."""
    other = first.predicted != second.predicted
    return other if other.ndim == 1 else other.any(1)


def does_not_apply(reason: str, advice: str = "") -> Section:
    """A question that does not apply to this model or these images; nothing is wrong with it."""
    return Section("not applicable", reason, advice=advice)


ONE_LABEL = "It needs one label per image, and these images may have several findings. "


def left_out(reason: str, advice: str = "") -> Section:
    """A question that could not be answered: no pass."""
    return Section("skipped", reason, "Nothing is known here. This is not the same as ok.", advice)


def points(found: Interval) -> str:
    """A difference of two shares, in words."""
    return f"{found.text(digits=0)} points"
