"""Do readers agree more than chance would have them agree? Kappa, with intervals over patients."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from utils.course.reading_kit.answers import UNSURE
from utils.evaluation.intervals import UNDEFINED, Interval, around, resamples

PERFECT = 1 - 1e-9  # chance agreement so high that nothing is left above it


def cohen_kappa(readings: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Of two readers, the share of the agreement above chance (Cohen 1960).

    `readings` (2, pictures) are what each reader has written; `weights` (draws, pictures) count
    the pictures, in each draw differently. Undefined where both always write one and the same.
    """
    first, second = one_hot(readings)
    weights = _weights(readings, weights)
    observed = weights @ (first * second).sum(1)
    expected = ((weights @ first) * (weights @ second)).sum(1)
    return _above_chance(observed, expected)


def fleiss_kappa(readings: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The same for any number of readers, who are taken for interchangeable (Fleiss 1971)."""
    counts, readers = one_hot(readings).sum(0), len(readings)
    weights = _weights(readings, weights)
    agreeing = (counts * (counts - 1)).sum(1) / (readers * (readers - 1))
    expected = ((weights @ counts / readers) ** 2).sum(1)
    return _above_chance(weights @ agreeing, expected)


def kappa_of(readings: Sequence[Sequence[str]], patients: Sequence, seed: int = 0) -> Interval:
    """Cohen's kappa of two readers or Fleiss' of more, with its interval over patients.

    Only pictures count that every reader has decided.
    """
    given = np.array([list(reading) for reading in readings], dtype=str)
    decided = ~np.isin(given, (UNSURE, "")).any(0)
    if not decided.any():
        return UNDEFINED
    given, patients = given[:, decided], np.asarray(patients)[decided]
    kappa = cohen_kappa if len(given) == 2 else fleiss_kappa
    names, member = np.unique(patients, return_inverse=True)
    value, draws = kappa(given)[0], kappa(given, resamples(len(names), seed)[:, member])
    if np.isnan(value) or np.isnan(draws).all():
        return Interval(float(value), np.nan, np.nan)
    return around(value, draws)


def kappa_matrix(readings: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Cohen's kappa of every two readers; the diagonal stays empty."""
    rows = [
        [
            kappa_of([one, other], range(len(one))).value if one is not other else np.nan
            for other in readings.values()
        ]
        for one in readings.values()
    ]
    return pd.DataFrame(rows, index=list(readings), columns=list(readings))


def one_hot(readings: np.ndarray) -> np.ndarray:
    """(readers, pictures) of names as (readers, pictures, names) of 0 and 1."""
    names, numbers = np.unique(readings, return_inverse=True)
    return np.eye(len(names))[numbers.reshape(np.shape(readings))]


def _weights(readings: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """As shares of each draw; without weights, every picture counts once."""
    given = np.ones((1, np.shape(readings)[1])) if weights is None else weights
    return given / given.sum(1, keepdims=True)


def _above_chance(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    left = np.where(expected < PERFECT, 1 - expected, np.nan)
    return (observed - expected) / left
