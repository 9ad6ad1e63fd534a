"""The predictions of a model on a split: the rows from which every score is computed."""

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from gzip import BadGzipFile
from pathlib import Path

import numpy as np
import pandas as pd

from utils.evaluation.conditions import Condition, as_condition


@dataclass(frozen=True)
class Predictions:
    """One row of class probabilities per image.

    `seen` holds the digests of the images, if `predict` was to compute one: more than one digest
    means that predictions for different images were averaged.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    groups: np.ndarray
    class_names: tuple[str, ...]
    seen: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        return len(self.class_names)

    @property
    def right(self) -> np.ndarray:
        return self.probabilities.argmax(1) == self.labels

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())

    @property
    def confusion(self) -> np.ndarray:
        """Images by true class (row) and predicted class (column)."""
        return self.confusion_by_group().sum(0)

    def confusion_by_group(self) -> np.ndarray:
        """One confusion matrix per patient: enough for most scores, and quick to resample."""
        names, member = np.unique(self.groups, return_inverse=True)
        table = np.zeros((len(names), self.classes, self.classes))
        np.add.at(table, (member, self.labels, self.probabilities.argmax(1)), 1)
        return table

    def take(self, chosen: np.ndarray | slice) -> "Predictions":
        """Some of the rows."""
        rows = (self.labels[chosen], self.probabilities[chosen], self.groups[chosen])
        return Predictions(*rows, self.class_names, self.seen)

    def as_table(self, variant: str, condition: Condition | str) -> pd.DataFrame:
        """One row per image; the probability of class a stands under p(a)."""
        condition, names = as_condition(condition), np.asarray(self.class_names)
        columns = (f"p({name})" for name in self.class_names)
        return pd.DataFrame(
            {
                "variant": variant,
                **asdict(condition),
                "image": np.arange(len(self.labels)),
                "patient": self.groups,
                "label": names[self.labels],
                **dict(zip(columns, self.probabilities.T, strict=True)),
            }
        )


def read_predictions(path: Path) -> dict[str, dict[Condition, Predictions]]:
    """The table of a run by variant, then by condition, in the order in which they were written."""
    table = _read_table(path)
    found: dict[str, dict[Condition, Predictions]] = {}
    keys = ["variant", "attack", "epsilon", "restarts"]
    for (variant, attack, epsilon, restarts), rows in table.groupby(keys, sort=False, dropna=False):
        size = None if np.isnan(epsilon) else float(epsilon)
        condition = Condition(attack, size, int(restarts))
        found.setdefault(variant, {})[condition] = _of_rows(rows)
    return found


def _read_table(path: Path) -> pd.DataFrame:
    text = dict.fromkeys(["variant", "attack", "label"], str)
    try:
        return pd.read_csv(path, dtype=text, keep_default_na=False, na_values={"epsilon": [""]})
    except (BadGzipFile, EOFError, ValueError, zlib.error) as error:
        raise ValueError(f"{path} is damaged ({error}); run its notebook again") from error


def _of_rows(rows: pd.DataFrame) -> Predictions:
    columns = list(rows.columns[rows.columns.get_loc("label") + 1 :])
    names = tuple(column.removeprefix("p(").removesuffix(")") for column in columns)
    labels = rows["label"].map({name: number for number, name in enumerate(names)})
    return Predictions(
        labels.to_numpy(), rows[columns].to_numpy(), rows["patient"].to_numpy(), names
    )


def pool_seeds(seeds: Sequence[Predictions]) -> Predictions:
    """The predictions of several trainings for the same images, as one table.

    Scores are then means over the trainings, and a resample of patients applies to all of them:
    three trainings do not make three times as many patients.
    """
    first = seeds[0]
    if any(
        not np.array_equal(getattr(other, name), getattr(first, name))
        for other in seeds
        for name in ("groups", "labels", "class_names")
    ):
        raise ValueError("only predictions for the same images in the same order can be pooled")
    rows = ("labels", "probabilities", "groups")
    return Predictions(
        *(np.concatenate([getattr(each, name) for each in seeds]) for name in rows),
        first.class_names,
    )
