"""Steps of a long measurement: each leaves a record of its own, so a kill costs one step."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utils.evaluation.comparisons.differences import difference
from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import HEADLINE, score_of
from utils.evaluation.predictions import Predictions
from utils.files import read_json, short_digest, write_json

SECONDS = "CPU seconds"
STRONGEST = "pgd 4"  # the score under it says whether an attack leaves anything


@dataclass(frozen=True)
class Steps:
    """The finished steps of one data set; another setting has a record of its own."""

    folder: Path
    settings: str  # everything that decides the numbers

    def take(self, name: str, measure: Callable[[], dict]) -> dict:
        """What `measure` finds, with its CPU seconds; measured once, then read."""
        file = self.folder / f"{name.replace(' ', '_')}_{short_digest(self.settings)}.json"
        if not file.exists():
            started = time.process_time()
            found = measure()
            write_json(file, {**found, SECONDS: round(time.process_time() - started, 1)})
        return read_json(file)


def as_row(interval: Interval, trainings: int = 1, patients: int = 0) -> dict:
    """A number with its interval and what it was measured on; JSON has no number that is none."""
    ends = {name: _plain(number) for name, number in interval._asdict().items()}
    return {**ends, "trainings": trainings, "patients": patients}


def as_interval(row: dict) -> Interval:
    return Interval(*(np.nan if row[end] is None else row[end] for end in Interval._fields))


def is_flagged(step: dict) -> bool:
    """Whether a red flag keeps a step out of comparisons.

    A flag of an attack says that the score under it may be too high. Where the strongest attack
    leaves nothing, it cannot be; the flag is shown all the same.
    """
    left = step.get("scores", {}).get(STRONGEST, {}).get("value")
    return bool(step.get("flags")) and left != 0


def score_row(found: Predictions, name: str = HEADLINE) -> dict:
    """A score with its interval over patients, and over trainings where there are several."""
    return as_row(score_of(found, name), **counted(found))


def difference_row(first: Predictions, second: Predictions, name: str = HEADLINE) -> dict:
    """The first minus the second, on the same images; one resample moves both."""
    gap = difference(second, first, name)
    return as_row(gap.interval, gap.trainings, counted(first)["patients"])


def counted(found: Predictions) -> dict[str, int]:
    return {"trainings": len(found.by_training), "patients": len(np.unique(found.groups))}


def _plain(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
