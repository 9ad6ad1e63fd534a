"""Scores where an image may have several findings: of each finding, and of all together."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from utils.evaluation.intervals import UNDEFINED, Interval, resamples, with_exact_bound
from utils.evaluation.predictions import FindingPredictions, Predictions
from utils.evaluation.roc import auroc

Counts = tuple[np.ndarray, np.ndarray]  # of each image: cases that count, and of how many


def _all_right(found: FindingPredictions) -> Counts:
    return found.right.astype(float), np.ones(len(found.labels))


def _missed(found: FindingPredictions) -> Counts:
    present = found.labels == 1
    return (present & (found.predicted == 0)).sum(1), present.sum(1)


def _false(found: FindingPredictions) -> Counts:
    absent = found.labels == 0
    return (absent & (found.predicted == 1)).sum(1), absent.sum(1)


def _called_healthy(found: FindingPredictions) -> Counts:
    ill = found.labels.any(1)
    return ill & ~found.predicted.any(1), ill


def _all_wrong(found: FindingPredictions) -> Counts:
    return (found.predicted != found.labels).all(1), np.ones(len(found.labels))


FINDING_SCORES: dict[str, Callable[[FindingPredictions], Counts]] = {
    "accuracy": _all_right,  # images with all findings right
    "missed findings": _missed,  # of those present; less is better
    "false findings": _false,  # of those absent; less is better
    "missed disease": _called_healthy,  # images with a finding of which none is predicted
    "all findings wrong": _all_wrong,  # images
}


def finding_draws(
    sides: Sequence[FindingPredictions], name: str, seed: int = 0
) -> list[np.ndarray]:
    """A score of each side, as it is and in each resample of patients: (trainings, 1 + DRAWS)."""
    if name not in FINDING_SCORES:
        known = ", ".join([*FINDING_SCORES, "AUC"])
        raise ValueError(f"unknown score {name!r} of several findings; choose from {known}")
    trainings = [side.by_training for side in sides]
    return [
        np.stack([_share(*FINDING_SCORES[name](one), _weights(one, seed)) for one in each])
        for each in trainings
    ]


def usual_score(found: Predictions) -> str:
    """Where images have several findings, a share of right ones depends on thresholds."""
    return "AUC" if isinstance(found, FindingPredictions) else "accuracy"


def mean_auc(found: FindingPredictions) -> float:
    """The mean AUC of the findings that occur, without an interval."""
    once = np.ones((1, len(found.labels)))
    return float(np.nanmean([auroc(*each, once)[0] for each in found.one_against_rest()]))


def finding_table(found: FindingPredictions, seed: int = 0) -> pd.DataFrame:
    """For each finding: images that have it, AUC, and the shares missed and falsely predicted, in
    percent with 95 % intervals over patients."""
    weights = _weights(found, seed)
    patients = len(np.unique(found.groups))
    rows = {}
    for label, name in enumerate(found.class_names):
        present, predicted = found.has(label), found.predicted[:, label] == 1
        shares = {
            "AUC (%)": auroc(found.probabilities[:, label], present, weights),
            "missed (%)": _share(present & ~predicted, present, weights),
            "false (%)": _share(~present & predicted, ~present, weights),
        }
        texts = {column: str(_interval(draws, patients)) for column, draws in shares.items()}
        rows[name] = {"images with it": int(present.sum()), **texts}
    return pd.DataFrame(rows).T.rename_axis("finding")


def co_occurrence(labels: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Of the images with the finding of a row, the share that has the finding of the column."""
    labels = np.asarray(labels, float)
    both, own = labels.T @ labels, labels.sum(0)[:, None]
    shares = np.divide(both, own, out=np.full(both.shape, np.nan), where=own > 0)
    return pd.DataFrame(shares, index=list(names), columns=list(names))


def _interval(draws: np.ndarray, patients: int) -> Interval:
    return with_exact_bound(draws[0], draws[1:], patients) if np.isfinite(draws[0]) else UNDEFINED


def _weights(found: FindingPredictions, seed: int) -> np.ndarray:
    """How often each image counts: once, then as often as its patient is drawn."""
    names, member = np.unique(found.groups, return_inverse=True)
    return np.vstack([np.ones(len(member)), resamples(len(names), seed)[:, member]])


def _share(counted: np.ndarray, of: np.ndarray, weights: np.ndarray) -> np.ndarray:
    above, below = weights @ counted.astype(float), weights @ of.astype(float)
    return np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
