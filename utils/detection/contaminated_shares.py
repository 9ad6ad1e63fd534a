"""How much of a delivery is contaminated, by kind: counts, corrected by known error rates."""

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from utils.evaluation.intervals import around, interval_table, resamples
from utils.evaluation.predictions import Predictions

EXACT = 1e3  # the weight of the condition that all shares sum to 1


def estimated_shares(delivered: Predictions, known: Predictions, seed: int = 0) -> pd.DataFrame:
    """The share of each kind with its interval: a row for each kind that occurs among `known`.

    The probabilities of a kind, averaged over all images, are no share: rare kinds get too much.
    But `known` images, of known kind and of patients that the classifier has not met, say which
    mean each kind has. The shares that mix these means into the one that was found are the
    estimate (adjusted counting; Forman 2005, Bella 2010). It is right as far as each kind looks
    to the classifier as the known images of this kind do. One resample moves the patients of both.
    """
    kinds = np.unique(known.labels)
    of_kind = known.labels == kinds[:, None]
    mean_of_kind = np.stack([_group_means(known, rows, seed + 1) for rows in of_kind], 1)
    mean = _group_means(delivered, np.ones(len(delivered.labels), bool), seed)
    draws = np.array([_mixture(*pair) for pair in zip(mean_of_kind, mean, strict=True)])
    rows = zip(kinds, draws.T, strict=True)
    return interval_table({known.class_names[k]: around(each[0], each[1:]) for k, each in rows})


def _group_means(found: Predictions, chosen: np.ndarray, seed: int) -> np.ndarray:
    """The mean probabilities of the chosen images, then the same in every resample of patients."""
    names, member = np.unique(found.groups, return_inverse=True)
    sums = np.zeros((len(names), found.classes + 1))
    np.add.at(sums, member[chosen], np.c_[found.probabilities, np.ones(len(member))][chosen])
    totals = np.vstack([sums.sum(0), resamples(len(names), seed) @ sums])
    return totals[:, :-1] / totals[:, -1:].clip(1)


def _mixture(means: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The shares, none negative and together 1, that mix the rows of `means` into `mean`."""
    shares, _ = nnls(np.vstack([means.T, np.full(len(means), EXACT)]), np.append(mean, EXACT))
    return shares / shares.sum()
