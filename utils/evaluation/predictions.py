"""What a model said of a split: rows that every score is computed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Predictions:
    """What a model said of a split: one row of class probabilities per image.

    `seen` names the images that were shown, by their digest. There is one name, unless answers
    were averaged that were given to different images; none where `predict` was not asked.
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
        """One confusion matrix per patient: all that most scores need, and quick to resample."""
        names, member = np.unique(self.groups, return_inverse=True)
        table = np.zeros((len(names), self.classes, self.classes))
        np.add.at(table, (member, self.labels, self.probabilities.argmax(1)), 1)
        return table

    def take(self, chosen) -> "Predictions":
        rows = (self.labels[chosen], self.probabilities[chosen], self.groups[chosen])
        return Predictions(*rows, self.class_names, self.seen)

    def as_table(self) -> pd.DataFrame:
        """One row per image; the probability of class a stands under p(a)."""
        names = np.asarray(self.class_names)
        truth = {"image": np.arange(len(self.labels)), "group": self.groups}
        columns = (f"p({name})" for name in self.class_names)
        probabilities = dict(zip(columns, self.probabilities.T, strict=True))
        return pd.DataFrame({**truth, "label": names[self.labels], **probabilities})

    @staticmethod
    def read(path: Path) -> "Predictions":
        table = pd.read_csv(path, dtype={"label": str}, keep_default_na=False)
        columns = list(table.columns[3:])
        names = tuple(column.removeprefix("p(").removesuffix(")") for column in columns)
        labels = table["label"].map({name: number for number, name in enumerate(names)})
        return Predictions(
            labels.to_numpy(), table[columns].to_numpy(), table["group"].to_numpy(), names
        )


def pool_seeds(seeds: Sequence[Predictions]) -> Predictions:
    """The answers of several trainings to the same images as those of one.

    Scores are then means over the trainings, and a resample of patients moves all of them
    together: three trainings do not make three times as many patients.
    """
    first = seeds[0]
    if any(
        not np.array_equal(getattr(other, name), getattr(first, name))
        for other in seeds
        for name in ("groups", "labels", "class_names")
    ):
        raise ValueError("only answers to the same images in the same order can be pooled")
    rows = ("labels", "probabilities", "groups")
    return Predictions(
        *(np.concatenate([getattr(said, name) for said in seeds]) for name in rows),
        first.class_names,
    )
