"""How often 95 % intervals contain the truth, in simulated worlds: `make bench`, some minutes."""

from dataclasses import replace

import numpy as np
import pandas as pd
from worlds import Grades, Trainings, pooled

from utils.evaluation.comparisons.differences import gain
from utils.evaluation.metrics import SCORES, score_of

WORLDS, PATIENTS = 1000, 150
SPREADS = {  # of trainings, of patients, of what they do not share; in logits
    "trainings alike": (0.0, 1.0, 0.5),
    "as in the course": (0.35, 1.0, 0.5),
    "trainings far apart": (0.8, 1.0, 0.5),
}


def of_methods(trainings: int, spread: tuple[float, float, float]) -> dict[str, float]:
    """Coverage of a score and of a difference, and of the difference over patients alone."""
    rng, found = np.random.default_rng(0), []
    weak, strong = (Trainings(skill, *spread) for skill in (1.2, 1.6))
    for _ in range(WORLDS):
        ease = rng.normal(size=PATIENTS)
        sides = [pooled(method.right(rng, trainings, PATIENTS, ease)) for method in (weak, strong)]
        alone = [replace(side, trainings=None) for side in sides]
        more = strong.accuracy - weak.accuracy
        found.append(
            {
                "score": covers(score_of(sides[0]), weak.accuracy),
                "difference": covers(gain(*sides, "accuracy"), more),
                "difference over patients alone": covers(gain(*alone, "accuracy"), more),
            }
        )
    return (100 * pd.DataFrame(found).mean()).round(1).to_dict()


def of_rare_classes(patients: int) -> dict[str, float]:
    """Coverage of each score where the rarest of four classes has 4 % of the patients."""
    rng, grades = np.random.default_rng(0), Grades()
    worlds = [grades.predictions(rng, patients) for _ in range(WORLDS)]
    truth = {name: float(score(grades.expected)) for name, score in SCORES.items()}
    return {
        name: round(100 * np.mean([covers(score_of(w, name), value) for w in worlds]), 1)
        for name, value in truth.items()
    }


def covers(found, truth: float) -> bool:
    return found.low <= truth <= found.high


if __name__ == "__main__":
    rows = {(name, n): of_methods(n, spread) for name, spread in SPREADS.items() for n in (3, 5)}
    print(pd.DataFrame(rows).T.rename_axis(["worlds", "trainings"]).to_string())
    rare = pd.DataFrame({n: of_rare_classes(n) for n in (80, 320)})
    print(rare.T.rename_axis("patients").to_string())
