"""Steps of a measurement: their numbers as JSON keeps them, and whether these may be compared."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from utils.evaluation.comparisons.differences import difference
from utils.evaluation.intervals import Interval, beyond_agreement, largest_unseen_share
from utils.evaluation.metrics import HEADLINE, score_of
from utils.evaluation.predictions import Predictions
from utils.evaluation.resampling import TINY

SECONDS = "CPU seconds"
Results = Mapping[str, dict]  # of each set, its record
SPLIT = "clean"  # the step whose flags are about the split, and hold for every score of the set
OF_SPLIT = "flags of the split"
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

    A step that rests on another has the red flags of that one, and falls with it. The flags of
    the clean scores are about the split, so every score of the set has them.
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


def difference_of(step: dict, name: str) -> Interval | None:
    """A difference of a step; none if it was not measured.

    A record can hold an interval without width, of patients who all agree. What a score of 0 on
    as many patients could be takes its place, as it does where differences are measured.
    """
    row = step.get("differences", {}).get(name)
    if row is None:
        return None
    found, patients = as_interval(row), row["patients"]
    if not found.high - found.low < TINY:
        return found
    zeros = [
        score["high"]
        for score in step.get("scores", {}).values()
        if score["value"] == 0 and score["patients"] == patients
    ]
    return beyond_agreement(found.value, max([largest_unseen_share(patients), *zeros]))


def is_flagged(step: dict) -> bool:
    """Whether a red flag keeps a step out of comparisons.

    A flag of an attack says that the score under it may be too high. Where the strongest attack
    leaves nothing, it cannot be; the flag is shown all the same. A flag of the split always counts.
    """
    if step.get(OF_SPLIT):
        return True
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
    of_split, found = steps.get(SPLIT, {}).get("flags"), {}
    linked = {OF_SPLIT: of_split} if of_split else {}
    for name, step in steps.items():
        base = steps.get(RESTS_ON.get(name, ""), {})
        if learned(step) and learned(base):
            inherited = {"flags": base["flags"]} if is_flagged(base) else {}
            found[name] = {**step, **inherited, **linked}
    return found


def _plain(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
