"""Is one model better than another, and does a diagnosis turn into its opposite?"""

from collections.abc import Mapping
from itertools import combinations
from math import lcm

import numpy as np
import pandas as pd
from scipy import stats

from utils.evaluation.metrics import gains, score_of
from utils.evaluation.predictions import Predictions

ALPHA = 0.05  # how often luck may find a difference among all pairs where there is none
NO_DIFFERENCE = "no difference shown"


def compare(models: Mapping[str, Predictions], seed: int = 0) -> pd.DataFrame:
    """Every pair of models: accuracy of A minus B with its interval, McNemar, Holm, a verdict.

    The interval is that of its pair alone; `p (Holm)` and the verdict know of all pairs.
    """
    rows = []
    for a, b in combinations(models, 2):
        first, second = _of_one_length(models[a], models[b])
        difference = gains(second, first, seed).loc["accuracy"]
        rows.append({"A": a, "B": b, **difference, "p": mcnemar(first, second)})
    table = pd.DataFrame(rows, columns=["A", "B", "value", "low", "high", "p"])
    table["p (Holm)"] = holm(table["p"].to_numpy(float))
    better = np.where(table["value"] > 0, "A better", "B better")
    table["verdict"] = np.where(table["p (Holm)"] < ALPHA, better, NO_DIFFERENCE)
    return table


def against_best(pairs: pd.DataFrame) -> pd.DataFrame:
    """Of all pairs, those with the most accurate model; it stands as A.

    It was chosen after looking, which the correction over all pairs allows.
    """
    turned = pairs.assign(
        A=pairs["B"], B=pairs["A"], value=-pairs["value"], low=-pairs["high"], high=-pairs["low"],
        verdict=pairs["verdict"].replace({"A better": "B better", "B better": "A better"}),
    )  # fmt: skip
    both = pd.concat([pairs, turned])
    lead = both.groupby("A", sort=False)["value"].sum()  # largest for the largest accuracy
    best = lead.idxmax() if len(lead) else None
    return both[both["A"] == best].sort_values("value").reset_index(drop=True)


def mcnemar(first: Predictions, second: Predictions) -> float:
    """How probable so unequal numbers of hits would be by luck, if nobody could tell the two
    models apart (exact, two-sided).

    Slices of a patient are right or wrong together, so counting each as a witness of its own
    finds differences where there are none. Here the names of the models are swapped for whole
    patients: all ways of swapping are equally likely, and the result is the share of those
    that leave at least this difference. With one image per patient this is McNemar's exact test.
    """
    sums, chances, found = _swaps(first, second)
    return float(min(1.0, chances[np.abs(sums) >= abs(found)].sum()))


def more_often_right(first: Predictions, second: Predictions) -> float:
    """How probable so many more hits of `first` would be by luck: the same test, one-sided."""
    sums, chances, found = _swaps(first, second)
    return float(min(1.0, chances[sums >= found].sum()))


def _swaps(first: Predictions, second: Predictions) -> tuple[np.ndarray, np.ndarray, int]:
    """What the lead of the first could be when names are swapped by patient, how probable each
    is, and what it was."""
    first, second = _of_one_length(first, second)
    names, member = np.unique(first.groups, return_inverse=True)
    leads = np.zeros(len(names), int)  # how many more hits the first has, per patient
    np.add.at(leads, member, first.right.astype(int) - second.right)
    chances = _chances_of_signs(leads)
    reach = len(chances) // 2
    return np.arange(-reach, reach + 1), chances, int(leads.sum())


def _chances_of_signs(leads: np.ndarray) -> np.ndarray:
    """How probable each sum of these whole numbers is when their signs are thrown like coins."""
    chances = np.ones(1)  # of the sums -reach, ..., reach
    sizes, counts = np.unique(np.abs(leads[leads != 0]), return_counts=True)
    for size, patients in zip(sizes, counts, strict=True):
        steps = np.zeros(2 * size * patients + 1)
        steps[:: 2 * size] = stats.binom.pmf(np.arange(patients + 1), patients, 0.5)
        chances = np.convolve(chances, steps)
    return chances


def holm(p: np.ndarray) -> np.ndarray:
    """P-values after Holm's correction: one false alarm among all of them in 1 of 20 tables."""
    order = np.argsort(p)
    corrected = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(corrected, 1)[np.argsort(order)]


def same_patients(first: Predictions, second: Predictions) -> bool:
    """Whether both were asked about the same images of the same patients in the same order.

    The images may differ in size, and one may have been asked by more seeds.
    """
    longer, length = max(len(first.labels), len(second.labels)), _shared_length(first, second)
    return (
        tuple(first.class_names) == tuple(second.class_names)
        and length <= 100 * longer  # seeds are few; else the numbers of images do not fit
        and np.array_equal(np.resize(first.labels, length), np.resize(second.labels, length))
        and np.array_equal(np.resize(first.groups, length), np.resize(second.groups, length))
    )


def _of_one_length(first: Predictions, second: Predictions) -> tuple[Predictions, Predictions]:
    """Both repeated as often as it takes: two seeds of one model against one of the other."""
    if not same_patients(first, second):
        raise ValueError("only the same images in the same order can be compared")
    rows = np.arange(_shared_length(first, second))
    return first.take(rows % len(first.labels)), second.take(rows % len(second.labels))


def _shared_length(first: Predictions, second: Predictions) -> int:
    return lcm(len(first.labels), len(second.labels))


ILL_OR_NOT = ("healthy", "ill")


def flip_predictions(*asked: tuple[Predictions, Predictions], healthy: int) -> Predictions:
    """Of the images that each model rightly called healthy or ill before: is it called the opposite
    by all of them now? The label is the lie, so that the accuracy is the share of those turned.
    """
    ill = asked[0][0].labels != healthy
    right = np.all([_called_ill(before, healthy) == ill for before, _ in asked], 0)
    lied = np.all([_called_ill(after, healthy) != ill for _, after in asked], 0)
    return _of_lies(asked[0][0], ill, lied).take(right)


def flip_rate(*asked: tuple[Predictions, Predictions], healthy: int) -> pd.Series:
    """The share that is turned (value, low, high) and of how many images."""
    lies = flip_predictions(*asked, healthy=healthy)
    if not len(lies.labels):
        return pd.Series({"value": np.nan, "low": np.nan, "high": np.nan, "images": 0})
    return pd.concat([score_of(lies), pd.Series({"images": len(lies.labels)})])


def excess_over_control(control: Predictions, tampered: Predictions) -> pd.Series:
    """By how much more are turned than in a control, with a paired interval."""
    return gains(control, tampered).loc["accuracy"]


def _called_ill(said: Predictions, healthy: int) -> np.ndarray:
    return said.probabilities.argmax(1) != healthy


def _of_lies(said: Predictions, ill: np.ndarray, lied: np.ndarray) -> Predictions:
    lie = (~ill).astype(int)
    answer = np.where(lied, lie, 1 - lie)
    return Predictions(lie, np.eye(2)[answer], said.groups, ILL_OR_NOT)
