"""Steps of a measurement: their numbers as JSON keeps them, and whether these may be compared."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from utils.evaluation.comparisons.differences import difference
from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import HEADLINE, score_of
from utils.evaluation.predictions import Predictions

SECONDS = "CPU seconds"
Results = Mapping[str, dict]  # of each set, its record
RESTS_ON = {"hardened gain": "hardened"}  # the same attack on the same networks
STRONGEST = "pgd 4"  # the score under it says whether an attack leaves anything


def timed(measure: Callable[[], dict]) -> dict:
    """What `measure` finds, with its CPU seconds."""
    started = time.process_time()
    return {**measure(), SECONDS: round(time.process_time() - started, 1)}


def learned(step: dict) -> bool:
    """Whether the networks of a step are better than a constant answer; a step may not say."""
    return step.get("learned", True)


def sound(results: Results) -> dict[str, dict]:
    """The results without the sets and steps whose networks learned nothing.

    A step that rests on another has the red flags of that one, and falls with it.
    """
    return {
        name: {**each, "steps": _sound_steps(each["steps"])}
        for name, each in results.items()
        if not each["failed"]
    }


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


def _sound_steps(steps: Mapping[str, dict]) -> dict[str, dict]:
    found = {}
    for name, step in steps.items():
        base = steps.get(RESTS_ON.get(name, ""), {})
        if learned(step) and learned(base):
            found[name] = {**step, "flags": base["flags"]} if is_flagged(base) else step
    return found


def _plain(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
