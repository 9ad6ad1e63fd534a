"""Several readers of one kit beside each other, the model and the truth; simulated ones too."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from utils.course.reading_kit.agreement import kappa_matrix, kappa_of
from utils.course.reading_kit.kit import read_key, score_kit
from utils.course.reading_kit.results import IMAGES, ReadingResult, decided, join_answers
from utils.evaluation.intervals import Interval, mean_of, share

MODEL, TRUTH = "the model", "the truth"


@dataclass(frozen=True)
class SimulatedReader:
    """No person: finds the change, and makes the diagnosis, with these probabilities.

    The diagnosis hangs on the patient and on luck, not on whether the image was attacked; a wrong
    one is any other class. Without a probability it is any class.
    """

    finds: float
    diagnoses: float | None = None
    seed: int = 0

    def read(self, key: dict) -> ReadingResult:
        """As if this reader had filled in the sheet of the kit with this key."""
        rng, names = np.random.default_rng(self.seed), key["class_names"]
        answers = {}
        for pair in key["pairs"]:
            other = "B" if pair["tampered"] == "A" else "A"
            found = pair["tampered"] if rng.random() < self.finds else other
            shown = {f"diagnosis_{side}": self._diagnosis(names, pair, rng) for side in "AB"}
            answers[pair["pair"]] = {**shown, "tampered": found}
        return join_answers(answers, key)

    def _diagnosis(self, names: list[str], pair: dict, rng: np.random.Generator) -> str:
        label, away = pair["label"], rng.integers(1, len(names))
        right = 1 / len(names) if self.diagnoses is None else self.diagnoses
        return names[label if rng.random() < right else (label + away) % len(names)]


@dataclass(frozen=True)
class Readers:
    """Several readings of one kit, by the name of the reader."""

    readings: dict[str, ReadingResult]
    simulated: bool = False

    @property
    def kit(self) -> str:
        """The short name of the kit that all have read."""
        return next(iter(self.readings.values())).kit

    @property
    def rows(self) -> pd.DataFrame:
        """A line for each pair: the truth, the model and every reader."""
        first = next(iter(self.readings.values()))
        shared = [name for name in first.rows if not name.startswith("reader_")]
        table = first.rows[shared].copy()
        for name, reading in self.readings.items():
            own = [column for column in reading.rows if column.startswith("reader_")]
            renamed = {column: column.replace("reader", name, 1) for column in own}
            table = table.join(reading.rows[own].rename(columns=renamed))
        return table

    @property
    def tampering(self) -> pd.DataFrame:
        """How often each reader has found the changed image."""
        tables = [reading.tampering.iloc[0] for reading in self.readings.values()]
        table = pd.DataFrame(tables, index=list(self.readings))
        return table.astype({"right": int, "of": int})

    @property
    def accuracies(self) -> dict[str, dict[str, Interval]]:
        """By reader, then by kind of image: the share of right diagnoses, the model's last."""
        rows = {
            name: {images: _scored(reading, images, "reader") for images in IMAGES}
            for name, reading in self.readings.items()
        }
        last = list(self.readings.values())[-1]
        return rows | {MODEL: {images: _scored(last, images, "model") for images in IMAGES}}

    @property
    def against_model(self) -> dict[str, dict[str, Interval]]:
        """By reader, then by kind of image: accuracy minus the model's on the same images."""
        return {
            name: {images: _lead(reading, images) for images in IMAGES}
            for name, reading in self.readings.items()
        }

    def diagnoses(self, images: str) -> dict[str, list[str]]:
        """What every reader, the model and the truth say about the images of one kind."""
        given = {name: list(r.rows[f"reader_{images}"]) for name, r in self.readings.items()}
        last = list(self.readings.values())[-1].rows
        return {**given, MODEL: list(last[f"model_{images}"]), TRUTH: list(last["label"])}

    def agreement(self) -> dict[str, pd.DataFrame]:
        """Cohen's kappa of every two of readers, model and truth, by kind of image."""
        return {images: kappa_matrix(self.diagnoses(images)) for images in IMAGES}

    def kappa(self, *names: str) -> dict[str, Interval]:
        """Kappa among some of them, or among all readers, by kind of image."""
        chosen = names or tuple(self.readings)
        pairs = list(self.readings.values())[-1].rows["pair"]
        return {
            images: kappa_of([self.diagnoses(images)[name] for name in chosen], pairs)
            for images in IMAGES
        }


def read_sheets(folder: Path, sheets: str = "") -> dict[str, ReadingResult]:
    """The sheets that hold answers, by their names; `sheets` are paths with semicolons between.

    Without a path, the sheet of the kit itself.
    """
    paths = [path.strip() for path in sheets.split(";") if path.strip()] or [""]
    found = {Path(path).stem or "reader": score_kit(folder, path) for path in paths}
    if len(found) < len(paths):
        raise ValueError(
            f"sheets must have names of their own, got {sheets!r}; rename one of the files"
        )
    return {name: reading for name, reading in found.items() if reading.begun}


def read_or_simulate(
    folder: Path, sheets: str, simulated: Mapping[str, SimulatedReader]
) -> Readers:
    """The readers of a kit; as long as there are none, these simulated ones."""
    if found := read_sheets(folder, sheets):
        return Readers(found)
    key = read_key(folder)
    return Readers({name: reader.read(key) for name, reader in simulated.items()}, simulated=True)


def _scored(reading: ReadingResult, images: str, side: str) -> Interval:
    """The exact interval of a share of right diagnoses among the decided ones."""
    given, label = reading.rows[f"{side}_{images}"], reading.rows["label"]
    found = share((given == label)[decided(given)])
    return Interval(*(found[name] for name in Interval._fields))


def _lead(reading: ReadingResult, images: str) -> Interval:
    """Paired: each resample of the patients moves reader and model."""
    rows = reading.rows
    given, predicted = rows[f"reader_{images}"], rows[f"model_{images}"]
    lead = (given == rows["label"]).astype(int) - (predicted == rows["label"]).astype(int)
    return mean_of(lead.where(decided(given), np.nan), rows["pair"])
