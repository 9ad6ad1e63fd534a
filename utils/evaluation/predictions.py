"""The predictions of a model on a split: the rows from which every score is computed."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from gzip import BadGzipFile
from pathlib import Path

import numpy as np
import pandas as pd

from utils.evaluation.conditions import Condition, as_condition


@dataclass(frozen=True)
class Predictions:
    """One row of class probabilities per image.

    `seen` holds the digests of the images, if `predict` was to compute one: more than one digest
    means that predictions for different images were averaged. `trainings` numbers the training
    of each row, if a method was trained again; None for a single network.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    groups: np.ndarray
    class_names: tuple[str, ...]
    seen: tuple[str, ...] = ()
    trainings: np.ndarray | None = None

    @property
    def classes(self) -> int:
        return len(self.class_names)

    @property
    def predicted(self) -> np.ndarray:
        return self.probabilities.argmax(1)

    @property
    def right(self) -> np.ndarray:
        return self.predicted == self.labels

    @property
    def of_truth(self) -> np.ndarray:
        """The probability of the label of each image."""
        return self.probabilities[np.arange(len(self.labels)), self.labels]

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
        np.add.at(table, (member, self.labels, self.predicted), 1)
        return table

    def has(self, label: int) -> np.ndarray:
        """Whether each image is of this class, or has this finding."""
        return self.labels == label if self.labels.ndim == 1 else self.labels[:, label] == 1

    def one_against_rest(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The probability of each class that has images, and whether each image is of it."""
        for label in range(self.classes):
            if self.has(label).any():
                yield self.probabilities[:, label], self.has(label)

    def take(self, chosen: np.ndarray | slice) -> "Predictions":
        """Some of the rows."""
        columns = {"trainings": self.trainings} if self.trainings is not None else {}
        columns |= {"labels": self.labels, "probabilities": self.probabilities}
        columns["groups"] = self.groups
        return replace(self, **{name: column[chosen] for name, column in columns.items()})

    @property
    def by_training(self) -> list["Predictions"]:
        """The predictions of each training alone; of a single network, these."""
        if self.trainings is None:
            return [self]
        each = (self.take(self.trainings == number) for number in np.unique(self.trainings))
        return [replace(alone, trainings=None) for alone in each]

    @property
    def by_patient(self) -> "Predictions":
        """One row per patient: the mean of the probabilities over the images of the patient.

        Each training keeps rows of its own.
        """
        keys = [self.groups] if self.trainings is None else [self.groups, self.trainings]
        places = np.stack([np.unique(key, return_inverse=True)[1] for key in keys[::-1]], 1)
        _, first, member = np.unique(places, axis=0, return_index=True, return_inverse=True)
        member = member.ravel()
        if (self.labels != self.labels[first][member]).any():
            raise ValueError(
                "a patient has images of more than one class, so no class is the patient's; "
                "score the images instead"
            )
        sums = np.zeros((len(first), self.classes))
        np.add.at(sums, member, self.probabilities)
        means = sums / np.bincount(member)[:, None]
        return replace(self.take(first), probabilities=means)

    def as_table(self, variant: str, condition: Condition | str) -> pd.DataFrame:
        """One row per image; the probability of class a stands under p(a)."""
        condition = as_condition(condition)
        columns = (f"p({name})" for name in self.class_names)
        return pd.DataFrame(
            {
                "variant": variant,
                **asdict(condition),
                "image": np.arange(len(self.labels)),
                "patient": self.groups,
                "training": self.trainings,  # empty for a single network
                **self._label_columns(),
                **dict(zip(columns, self.probabilities.T, strict=True)),
            }
        )

    def _label_columns(self) -> dict[str, np.ndarray]:
        return {"label": np.asarray(self.class_names)[self.labels]}


@dataclass(frozen=True)
class FindingPredictions(Predictions):
    """A probability of every finding of every image; `labels` (n, findings) are 0 and 1.

    A finding is predicted where its probability is above one half. An image is right where all of
    its findings are.
    """

    @property
    def predicted(self) -> np.ndarray:
        return (self.probabilities > 0.5).astype(int)

    @property
    def right(self) -> np.ndarray:
        return (self.predicted == self.labels).all(1)

    @property
    def of_truth(self) -> np.ndarray:
        """The geometric mean over the findings."""
        each = np.where(self.labels == 1, self.probabilities, 1 - self.probabilities)
        return np.exp(np.log(each.clip(1e-12)).mean(1))

    def confusion_by_group(self) -> np.ndarray:
        raise ValueError("several findings have no confusion matrix; see finding_table")

    def _label_columns(self) -> dict[str, np.ndarray]:
        return {f"is({name})": self.has(label) * 1 for label, name in enumerate(self.class_names)}


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
    missing = {"epsilon": [""], "training": [""]}
    try:
        return pd.read_csv(path, dtype=text, keep_default_na=False, na_values=missing)
    except (BadGzipFile, EOFError, ValueError, zlib.error) as error:
        raise ValueError(f"{path} is damaged ({error}); run its notebook again") from error


def _of_rows(rows: pd.DataFrame) -> Predictions:
    columns = [name for name in rows.columns if name.startswith("p(")]
    names = tuple(column.removeprefix("p(").removesuffix(")") for column in columns)
    if "label" in rows:
        numbers = {name: number for number, name in enumerate(names)}
        kind, labels = Predictions, rows["label"].map(numbers)
    else:
        kind, labels = FindingPredictions, rows[[f"is({name})" for name in names]]
    found = kind(labels.to_numpy(), rows[columns].to_numpy(), rows["patient"].to_numpy(), names)
    if "training" not in rows or rows["training"].isna().all():  # older tables lack it
        return found
    return replace(found, trainings=rows["training"].to_numpy(int))


def pool_trainings(trainings: Sequence[Predictions]) -> Predictions:
    """The predictions of several trainings of one method for the same images.

    A score is then the mean over the trainings, and its interval covers other trainings and other
    patients: three trainings do not make three times as many patients. With a list of one, it is
    still the method that is measured, so a comparison has no interval.
    """
    single = [each for some in trainings for each in some.by_training]
    first = single[0]
    if any(
        not np.array_equal(getattr(other, name), getattr(first, name))
        for other in single
        for name in ("groups", "labels", "class_names")
    ):
        raise ValueError("only predictions for the same images in the same order can be pooled")
    rows = ("labels", "probabilities", "groups")
    return replace(
        first,
        **{name: np.concatenate([getattr(each, name) for each in single]) for name in rows},
        seen=(),
        trainings=np.repeat(np.arange(len(single)), len(first.labels)),
    )


def as_method(found: Predictions) -> Predictions:
    """The same, taken for the method: a single network is one training of it."""
    return pool_trainings([found]) if found.trainings is None else found
