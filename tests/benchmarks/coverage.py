"""How often 95 % intervals contain the truth, in simulated worlds: `make bench`, some minutes.

WORLDS=200 make bench SCRIPTS=coverage    fewer worlds, in less time and with wider intervals
"""

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from benchmarks.side_by_side import keep
from worlds import SHARES, Grades, Trainings, pooled

from utils.evaluation.comparisons.differences import gain
from utils.evaluation.intervals import Interval, share
from utils.evaluation.metrics import SCORES, score_of

WORLDS = int(os.environ.get("WORLDS", 500))
RARE_WORLDS, PATIENTS = 4 * WORLDS, 150
SPREADS = {  # of trainings, of patients, of what they do not share; in logits
    "trainings alike": (0.0, 1.0, 0.5),
    "trainings as in the course": (0.35, 1.0, 0.5),
    "trainings far apart": (0.8, 1.0, 0.5),
}
COMPLETE = "each with a patient"
RARE = (80, 320)  # patients of four grades


def of_methods(trainings: int, spread: tuple[float, float, float]) -> pd.DataFrame:
    """In each world, whether the intervals of a score and of a difference contain the truth."""
    rng, found = np.random.default_rng(0), []
    weak, strong = (Trainings(skill, *spread) for skill in (1.2, 1.6))
    for _ in range(WORLDS):
        ease = rng.normal(size=PATIENTS)
        sides = [pooled(method.right(rng, trainings, PATIENTS, ease)) for method in (weak, strong)]
        alone = [replace(side, trainings=None) for side in sides]
        more = strong.accuracy - weak.accuracy
        found.append(
            {
                "accuracy": covers(score_of(sides[0]), weak.accuracy),
                "difference": covers(gain(*sides, "accuracy"), more),
                "difference, over patients alone": covers(gain(*alone, "accuracy"), more),
            }
        )
    return pd.DataFrame(found)


def of_rare_classes(patients: int) -> pd.DataFrame:
    """The same for each score where the rarest of four classes has 4 % of the patients."""
    rng, grades = np.random.default_rng(0), Grades()
    truth = {name: float(score(grades.expected)) for name, score in SCORES.items()}
    worlds = (grades.predictions(rng, patients) for _ in range(RARE_WORLDS))
    return pd.DataFrame(
        {name: covers(score_of(world, name), value) for name, value in truth.items()}
        | {COMPLETE: len(np.unique(world.labels)) == world.classes}
        for world in worlds
    )


def covers(found: Interval, truth: float) -> bool:
    return found.low <= truth <= found.high


def rows() -> Iterator[dict]:
    """A row for each number in each world."""
    for name, spread in SPREADS.items():
        for trainings in (3, 5):
            world = {"world": name, "patients": PATIENTS, "trainings": trainings}
            yield from counted(world, of_methods(trainings, spread))
    for patients in RARE:
        world = {"world": "rare classes", "patients": patients, "trainings": 1}
        hits = of_rare_classes(patients)
        complete = hits.pop(COMPLETE)
        yield from counted(world, hits)
        yield from counted(world | {"world": f"rare classes, {COMPLETE}"}, hits[complete])


def counted(world: dict, hits: pd.DataFrame) -> Iterator[dict]:
    """How often the intervals of each number contained the truth, with an exact interval."""
    for number, found in hits.items():
        counts = share(found)
        contained = Interval(*(counts[end] for end in Interval._fields))
        yield world | {"number": number, "contain the truth (%)": str(contained)}
        print(world, number, contained, flush=True)


def about() -> str:
    """What the table shows."""
    rarest = SHARES[-1] / sum(SHARES)
    lacking = (1 - rarest) ** RARE[0]
    return f"""Simulated worlds in which the truth is known, {WORLDS:,} in each row and
        {RARE_WORLDS:,} of rare classes, and how often the 95 % interval of the course contains it
        (exact interval). *Over patients alone* leaves out that trainings differ. In *rare classes*,
        {100 * rarest:.0f} % of the patients are of the rarest of four grades, so of samples of
        {RARE[0]} patients {100 * lacking:.0f} % have none of it. Such a sample scores three grades,
        and no resample contains what it lacks: intervals of scores in which each class counts the
        same miss the truth there. Below their tables, scores warn of classes of few patients."""


if __name__ == "__main__":
    table = pd.DataFrame(rows())
    print(table.to_string(index=False))
    keep("coverage", "How often intervals contain the truth", about(), table)
