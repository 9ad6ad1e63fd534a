"""A threshold by the false alarms that it costs, and what it finds for them."""

import numpy as np

from utils.evaluation.intervals import Interval, mean_of, quantiles, resamples

IMAGES = 1000  # of which so many are false alarms


def threshold_at(rate: float, clean_scores) -> float:
    """The lowest threshold that at most this share of clean images exceeds."""
    scores = np.sort(np.asarray(clean_scores, float))[::-1]
    if not 0 <= rate < 1 or not len(scores):
        raise ValueError(
            f"needs scores of clean images and a rate from 0 to below 1, got {len(scores)} scores "
            f"and {rate}"
        )
    return float(scores[int(rate * len(scores))])


def false_alarms(clean_scores, threshold: float, groups, seed: int = 0) -> Interval:
    """How many of 1,000 clean images exceed the threshold, with an interval over patients."""
    share = mean_of(np.asarray(clean_scores) > threshold, groups, seed)
    return Interval(*(IMAGES * end for end in share))


def excess_flagged(flagged, contaminated, groups, seed: int = 0) -> Interval:
    """The share flagged among contaminated images minus that among clean ones.

    One resample of patients moves both.
    """
    flagged, contaminated = np.asarray(flagged, bool), np.asarray(contaminated, bool)
    names, member = np.unique(groups, return_inverse=True)
    weights = np.vstack([np.ones(len(member), int), resamples(len(names), seed)[:, member]])
    sides = contaminated, ~contaminated
    with np.errstate(invalid="ignore"):  # a resample may lack one side
        shares = [weights @ (flagged & side) / (weights @ side) for side in sides]
    draws = shares[0] - shares[1]
    low, high = quantiles(draws[1:])
    return Interval(float(draws[0]), low, high)


def precision_at(share: float, found: float, false: float) -> float:
    """Of the flagged images, how many are contaminated, where this share of all is.

    `found` and `false` are the true and the false positive rate.
    """
    hits = share * found
    return hits / max(hits + (1 - share) * false, np.finfo(float).tiny)
