"""What one side of a comparison has more than the other: the same patients, drawn for both."""

from dataclasses import replace

import numpy as np
import pandas as pd

from utils.evaluation.intervals import Interval, interval_table, largest_unseen_share
from utils.evaluation.metrics import (
    EVERY_CLASS_THE_SAME,
    HEADLINE,
    RATES,
    SCORES,
    draws_of,
    ratio,
    score_of,
)
from utils.evaluation.predictions import FindingPredictions, Predictions, pool_trainings
from utils.evaluation.resampling import Difference, count_trainings

DROPS_OF = ("accuracy", "macro F1", "macro precision")  # their mean is the combined drop


def relative_drop(normal, attacked):
    """Percent of the normal score that the attack takes away; NaN where that was 0."""
    normal = np.asarray(normal, float)
    return 100 * ratio(normal - attacked, normal, empty=np.nan)


def drops(normal: Predictions, attacked: Predictions, seed: int = 0) -> pd.DataFrame:
    """Accuracy drops with paired intervals: each resample of patients applies to both sides.

    The combined drop is the mean of the three, which share their resamples.
    """
    sides, methods = paired(normal, attacked)
    rows = {name: relative_drop(*draws_of(sides, name, seed)) for name in DROPS_OF}
    alike = [relative_drop(*draws_of(sides, name, seed, by_class=True)) for name in DROPS_OF]
    rows["combined"] = np.mean(alike, 0)
    found = {name: Difference(draws, methods).interval for name, draws in rows.items()}
    table = interval_table(found)
    lost = table["value"] == 100  # in every resample; a larger sample may still have a survivor
    patients = len(np.unique(normal.groups))
    table.loc[lost & table["low"].notna(), "low"] = 100 * (1 - largest_unseen_share(patients))
    return table


def gains(before: Predictions, after: Predictions, seed: int = 0) -> pd.DataFrame:
    """After minus before, for every score, with paired intervals. Two models differ in a
    score when its interval excludes zero.

    Methods that were trained fewer than three times get a value without an interval.
    """
    return interval_table({name: gain(before, after, name, seed) for name in SCORES})


def gain(before: Predictions, after: Predictions, name: str, seed: int = 0) -> Interval:
    """One row of `gains`; for AUC and the rates as well."""
    return difference(before, after, name, seed).interval


def difference(
    before: Predictions | float, after: Predictions, name: str, seed: int = 0
) -> Difference:
    """The same with what its p-value needs. A number, such as chance, can stand for `before`."""
    if not isinstance(before, Predictions):
        (draws,) = draws_of([after], name, seed)
        found = Difference(draws - before, after.trainings is not None, ends=(-before, 1 - before))
        return _with_unseen(found, after, name, seed)
    sides, methods = paired(before, after)
    first, second = draws_of(sides, name, seed)
    return _with_unseen(Difference(second - first, methods), after, name, seed)


def difference_of_differences(
    change: tuple[Predictions, Predictions],
    control: tuple[Predictions, Predictions],
    name: str,
    seed: int = 0,
) -> Difference:
    """What a change does beyond what the same change does to a control.

    Each pair is before and after, and all four answer for the same images. The trainings of both
    pairs are paired in their order.
    """
    (before, after), methods = paired(*change)
    sides = [before, after, *paired(*control)[0]]
    if len({len(side.by_training) for side in sides}) > 1:
        raise ValueError("the change and its control need as many trainings")
    if not np.array_equal(sides[0].labels, sides[2].labels):
        raise ValueError("only the same images in the same order can be compared")
    first, second, third, fourth = draws_of(sides, name, seed)
    found = Difference((second - first) - (fourth - third), methods, ends=(-2.0, 2.0))
    return _with_unseen(found, after, name, seed)


def _with_unseen(found: Difference, side: Predictions, name: str, seed: int) -> Difference:
    """Where no patient differs from another, the exact bound takes the place of the resamples."""
    return replace(found, unseen=_unseen(side, name, seed)) if found.is_alike else found


def _unseen(side: Predictions, name: str, seed: int) -> float:
    """What a score of 0 on these patients could be with others."""
    side = side.by_training[0]
    if name in EVERY_CLASS_THE_SAME and not isinstance(side, FindingPredictions):
        wrong = np.eye(side.classes)[(side.labels + 1) % side.classes]  # rare classes count as much
        return score_of(replace(side, probabilities=wrong), HEADLINE, seed).high
    counted = side.labels > 0 if name in RATES else slice(None)
    return largest_unseen_share(len(np.unique(side.groups[counted])))


def paired(first: Predictions, second: Predictions) -> tuple[list[Predictions], bool]:
    """Both sides with as many trainings, paired in their order, and whether they are methods.

    A single network stands against each training of a method; of two methods with unequal
    numbers of trainings, the first ones of each are paired.
    """
    sides = [first.by_training, second.by_training]
    methods = [each.trainings is not None for each in (first, second)]
    if not np.array_equal(sides[0][0].labels, sides[1][0].labels):
        raise ValueError("only the same images in the same order can be compared")
    if not any(methods):
        return [first, second], False
    count = min(len(side) for side, method in zip(sides, methods, strict=True) if method)
    chosen = [
        side[:count] if method else side * count
        for side, method in zip(sides, methods, strict=True)
    ]
    return [pool_trainings(side) for side in chosen], True


def trainings_of(first: Predictions, second: Predictions) -> str:
    """How many trainings a comparison has, in words."""
    sides, _ = paired(first, second)
    return count_trainings(len(sides[0].by_training))
