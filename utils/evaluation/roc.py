"""How well a score separates positive from negative images, before any threshold is chosen."""

import numpy as np
import pandas as pd

from utils.evaluation.intervals import interval_table, resamples, with_exact_bound

FALSE_POSITIVE_RATE = 0.01  # the share of negatives that may be flagged


def roc_scores(scores, is_positive, groups=None, seed: int = 0) -> pd.DataFrame:
    """AUROC, and the true positive rate at a false positive rate of 1 %, with 95 % intervals.

    Resamples patients. NaN unless both classes occur. For a value of exactly 1 the lower bound
    is the exact binomial bound for that many positive patients, so it can lie below the bound
    of a value just under 1.
    """
    scores, is_positive = np.asarray(scores, float), np.asarray(is_positive, bool)
    groups = np.arange(len(is_positive)) if groups is None else np.asarray(groups)
    if not len(scores) == len(is_positive) == len(groups) or not np.isfinite(scores).all():
        raise ValueError(
            "needs a finite score for each image, and whether it is positive; got "
            f"{np.isfinite(scores).sum()} finite scores for {len(is_positive)} images, of which "
            f"{len(groups)} have a patient"
        )
    names, member = np.unique(groups, return_inverse=True)
    weights = weights_of_images(member, resamples(len(names), seed))
    positive_patients = max(len(np.unique(groups[is_positive])), 1)
    found = {
        "AUROC": auroc(scores, is_positive, weights),
        f"TPR at {FALSE_POSITIVE_RATE:.0%} FPR": tpr_at_fpr(scores, is_positive, weights),
    }
    return interval_table(
        {
            name: with_exact_bound(each[0], each[1:], positive_patients)
            for name, each in found.items()
        }
    )


def weights_of_images(member: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How often each image counts: once, then in each resample as often as its patient.

    A column lies in one piece, as `auroc` gathers it.
    """
    by_image = np.ones((len(member), 1 + len(weights)))
    by_image[:, 1:] = weights.T[member]
    return by_image.T


def tpr_at_fpr(scores: np.ndarray, is_positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """For each row of weights, the true positive rate at the best threshold that is allowed."""
    positives, negatives = positives_and_negatives(-scores, is_positive, weights)
    hits, alarms = np.cumsum(positives, 1), np.cumsum(negatives, 1)
    allowed = alarms <= FALSE_POSITIVE_RATE * alarms[:, -1:]
    best = np.where(allowed, hits, 0).max(1)
    both = (hits[:, -1] > 0) & (alarms[:, -1] > 0)  # a resample may lack one class
    return np.divide(best, hits[:, -1], out=np.full(len(best), np.nan), where=both)


def auroc(score: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """AUROC for each row of weights: the share of (positive, negative) pairs in order.

    Images are gathered and added up along the first axis, which is many times as quick.
    """
    by_image, rest = np.asarray(weights).T, np.flatnonzero(~positive)
    rest = rest[np.argsort(score[rest])]
    below = np.zeros((len(rest) + 1, by_image.shape[1]))
    np.cumsum(by_image[rest], 0, out=below[1:])
    ends = [np.searchsorted(score[rest], score[positive], side) for side in ("left", "right")]
    of_class, beaten = by_image[positive], sum(below[each] for each in ends) / 2
    pairs = of_class.sum(0) * below[-1]
    in_order = np.einsum("ij,ij->j", of_class, beaten)
    return np.divide(in_order, pairs, out=np.full(len(pairs), np.nan), where=pairs != 0)


def positives_and_negatives(
    score: np.ndarray, positive: np.ndarray, weights: np.ndarray
) -> list[np.ndarray]:
    """The weight of the positives and of the negatives at each score, from low to high."""
    _, rank = np.unique(score, return_inverse=True)
    order = np.argsort(rank)
    starts = np.flatnonzero(np.diff(rank[order], prepend=-1))
    sides = positive, ~positive
    return [np.add.reduceat((weights * side)[:, order], starts, axis=1) for side in sides]
