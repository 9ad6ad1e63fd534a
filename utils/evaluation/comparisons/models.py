"""Is one model better than another, and how often does an attack flip a diagnosis?"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import lcm

import numpy as np
import pandas as pd
from scipy import stats

from utils.evaluation.comparisons.differences import difference
from utils.evaluation.intervals import Interval
from utils.evaluation.predictions import Predictions
from utils.evaluation.resampling import ALPHA, count_trainings, holm

A_BETTER, B_BETTER, NO_DIFFERENCE = "A better", "B better", "no difference shown"
TWO_CLASSES = ("healthy", "diseased")


def compare(
    models: Mapping[str, Predictions],
    pairs: Iterable[tuple[str, str]],
    score: str = "accuracy",
    seed: int = 0,
) -> pd.DataFrame:
    """The declared pairs: score of A minus B with its interval, p-value, Holm, a verdict.

    These pairs are the family of the correction. Networks are compared over patients, in accuracy
    by McNemar's test; methods by the spread of their trainings as well. Of methods with fewer
    than three trainings, the verdict says how many there were.
    """
    rows = [{"A": a, "B": b, **_compared(models[a], models[b], score, seed)} for a, b in pairs]
    columns = ["A", "B", *Interval._fields, "p", "trainings"]
    table = pd.DataFrame(rows, columns=columns).astype({"p": float, "trainings": int})
    table["p (Holm)"] = holm(table["p"].to_numpy(float))
    better = np.where(table["value"] > 0, A_BETTER, B_BETTER)
    table["verdict"] = np.where(table["p (Holm)"] < ALPHA, better, NO_DIFFERENCE)
    unknown = table["p"].isna()
    table.loc[unknown, "verdict"] = table.loc[unknown, "trainings"].map(count_trainings)
    return table


def _compared(first: Predictions, second: Predictions, score: str, seed: int) -> dict:
    """A row of `compare`: the difference, its p-value, the number of trainings."""
    if not same_patients(first, second):
        raise ValueError("only the same images in the same order can be compared")
    found = difference(second, first, score, seed)
    by_swapping = score == "accuracy" and not found.of_methods
    p = mcnemar(first, second) if by_swapping else found.p_value()
    return {**found.interval._asdict(), "p": p, "trainings": found.trainings}


def mcnemar(first: Predictions, second: Predictions) -> float:
    """The p-value of the difference in accuracy between two models (exact, two-sided).

    Slices of a patient are correlated, and a test that counts each one finds differences where
    there are none. So this test swaps the models for whole patients: all ways of swapping are
    equally likely, and the p-value is the share of them with at least this difference. With one
    image per patient it is McNemar's exact test.
    """
    sums, chances, found = _swaps(first, second)
    return float(min(1.0, chances[np.abs(sums) >= abs(found)].sum()))


def more_often_right(first: Predictions, second: Predictions) -> float:
    """The p-value of `first` being more accurate: the same test, one-sided."""
    sums, chances, found = _swaps(first, second)
    return float(min(1.0, chances[sums >= found].sum()))


def _swaps(first: Predictions, second: Predictions) -> tuple[np.ndarray, np.ndarray, int]:
    """All leads that the first could have after swapping by patient, the probability of each,
    and its actual lead."""
    first, second = _of_one_length(first, second)
    names, member = np.unique(first.groups, return_inverse=True)
    leads = np.zeros(len(names), int)  # how many more hits the first has, per patient
    np.add.at(leads, member, first.right.astype(int) - second.right)
    chances = _chances_of_signs(leads)
    reach = len(chances) // 2
    return np.arange(-reach, reach + 1), chances, int(leads.sum())


def _chances_of_signs(leads: np.ndarray) -> np.ndarray:
    """The probability of each sum of these whole numbers when their signs are random."""
    chances = np.ones(1)  # of the sums -reach, ..., reach
    sizes, counts = np.unique(np.abs(leads[leads != 0]), return_counts=True)
    for size, patients in zip(sizes, counts, strict=True):
        steps = np.zeros(2 * size * patients + 1)
        steps[:: 2 * size] = stats.binom.pmf(np.arange(patients + 1), patients, 0.5)
        chances = np.convolve(chances, steps)
    return chances


def same_patients(first: Predictions, second: Predictions) -> bool:
    """Whether both are about the same images of the same patients in the same order.

    The images may differ in size, and one side may pool more seeds.
    """
    longer, length = max(len(first.labels), len(second.labels)), _shared_length(first, second)
    return (
        tuple(first.class_names) == tuple(second.class_names)
        and length <= 100 * longer  # seeds are few; else the numbers of images do not fit
        and np.array_equal(*(_repeated(side.labels, length) for side in (first, second)))
        and np.array_equal(np.resize(first.groups, length), np.resize(second.groups, length))
    )


def one_model(fewer: Mapping, more: Mapping) -> bool:
    """Whether two runs evaluated one model: the same probabilities under all shared conditions.

    Of a model that was trained again in one of the runs, the first trainings are compared.
    """
    shared = [name for name in fewer if name in more]
    return bool(shared) and all(
        _same_probabilities(one, other)
        for name in shared
        for one, other in zip(fewer[name].by_training, more[name].by_training, strict=False)
    )


def _same_probabilities(one: Predictions, other: Predictions) -> bool:
    return (
        same_patients(one, other)
        and len(one.labels) == len(other.labels)
        and np.allclose(one.probabilities, other.probabilities, atol=1e-4)
    )


def _repeated(labels: np.ndarray, length: int) -> np.ndarray:
    return np.resize(labels, (length, *labels.shape[1:]))


def _of_one_length(first: Predictions, second: Predictions) -> tuple[Predictions, Predictions]:
    """Both repeated as often as it takes: two seeds of one model against one of the other."""
    if not same_patients(first, second):
        raise ValueError("only the same images in the same order can be compared")
    rows = np.arange(_shared_length(first, second))
    return first.take(rows % len(first.labels)), second.take(rows % len(second.labels))


def _shared_length(first: Predictions, second: Predictions) -> int:
    return lcm(len(first.labels), len(second.labels))


def flip_predictions(*pairs: tuple[Predictions, Predictions], healthy: int) -> Predictions:
    """Predictions on the images that every model classified correctly before tampering.

    Each pair holds the predictions of one model before and after. The labels are the opposite
    diagnoses, and an image counts only if all models predict it, so accuracy is the flip rate.
    """
    diseased = pairs[0][0].labels != healthy
    right = np.all([_diseased(before, healthy) == diseased for before, _ in pairs], 0)
    flipped = np.all([_diseased(after, healthy) != diseased for _, after in pairs], 0)
    opposite = (~diseased).astype(int)
    predicted = np.eye(2)[np.where(flipped, opposite, 1 - opposite)]
    return Predictions(opposite, predicted, pairs[0][0].groups, TWO_CLASSES).take(right)


def _diseased(predictions: Predictions, healthy: int) -> np.ndarray:
    return predictions.probabilities.argmax(1) != healthy


def worse_of(first: Predictions, second: Predictions) -> Predictions:
    """What two attacks leave of the same images: the second where it succeeds, else the first."""
    rows = np.where(second.right[:, None], first.probabilities, second.probabilities)
    return replace(first, probabilities=rows)
