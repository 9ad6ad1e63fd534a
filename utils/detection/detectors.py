"""Detectors: each turns the evidence about a split into one suspicion per image.

A suspicion is a number, the higher the more suspect; nobody is convicted here.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from cleanlab.rank import get_label_quality_scores
from sklearn.cluster import KMeans
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

from utils.contamination.base import KINDS, kinds_of
from utils.data.split import Split
from utils.detection.noise_traces import largest_deviation
from utils.detection.out_of_fold import FoldOutputs, OutOfFoldOutputs
from utils.evaluation.intervals import Interval
from utils.evaluation.roc import roc_scores
from utils.run import progress

Detector = Callable[[OutOfFoldOutputs], np.ndarray]
MIN_IMAGES = 10  # images of a class: of fewer nobody can say which are odd
DIMENSIONS = 10  # in which activations are clustered
SEED = 0


def confident_learning(evidence: OutOfFoldOutputs) -> np.ndarray:
    """Another label is likelier than the given one, each measured by how sure the networks
    usually are where it was given (Northcutt 2021, by cleanlab).
    """
    return 1 - get_label_quality_scores(
        evidence.split.labels.numpy(),
        evidence.probabilities,
        method="normalized_margin",
        adjust_pred_probs=bool((evidence.split.counts > 0).all()),  # it needs every class
    )


def spectral_signature(evidence: OutOfFoldOutputs) -> np.ndarray:
    """Far out along the direction in which the features of its class vary most (Tran 2018)."""
    return evidence.each(lambda statement: _usual(_by_class(statement, _outlying)))


def activation_clustering(evidence: OutOfFoldOutputs) -> np.ndarray:
    """Near the smaller of the two clusters in its class, if these are well apart (Chen 2018)."""
    return evidence.each(lambda statement: _by_class(statement, _in_small_cluster))


def feature_squeezing(evidence: OutOfFoldOutputs) -> np.ndarray:
    """The answer changes when the image loses its fine detail (Xu 2018)."""
    return evidence.each(_moved_by_squeezing)


def mahalanobis(evidence: OutOfFoldOutputs) -> np.ndarray:
    """Features far from those of every class, in units of how much these vary (Lee 2018)."""
    return evidence.each(_far_from_all)


DETECTORS: dict[str, Detector] = {
    "confident learning": confident_learning,
    "spectral signature": spectral_signature,
    "activation clustering": activation_clustering,
    "feature squeezing": feature_squeezing,
    "Mahalanobis": mahalanobis,
    "noise level": lambda evidence: largest_deviation(evidence.traces),
}


def detector_scores(evidence: OutOfFoldOutputs) -> pd.DataFrame:
    """A row for each image, a column for each detector."""
    steps = progress(DETECTORS.items(), "detectors")
    return pd.DataFrame({name: detector(evidence) for name, detector in steps})


def image_features(evidence: OutOfFoldOutputs) -> pd.DataFrame:
    """What a detective looks at: all suspicions, and the traces behind the noise level."""
    return pd.concat([detector_scores(evidence), evidence.traces], axis=1)


def auroc_by_kind(table: pd.DataFrame, split: Split, seed: int = 0) -> pd.DataFrame:
    """How well each column finds each kind among the clean images of the split: a row for each
    pair of the two and each score, with its interval over patients.
    """
    present = [KINDS[kind] for kind in np.unique(kinds_of(split)) if kind]
    found = {
        (kind, name): auroc_against_clean(suspicion, split, kind, seed)
        for kind in present
        for name, suspicion in table.items()
    }
    return long_table(found, "detector")


def auroc_against_clean(suspicion, split: Split, kind: str, seed: int = 0) -> pd.DataFrame:
    """How well a suspicion tells the images of this kind from the clean ones."""
    kinds = kinds_of(split).numpy()
    guilty = kinds == KINDS.index(kind)
    either = guilty | (kinds == 0)
    suspicion = np.asarray(suspicion)[either]
    return roc_scores(suspicion, guilty[either], split.patients[either], seed)


def long_table(found: dict[tuple[str, str], pd.DataFrame], by: str) -> pd.DataFrame:
    """Scores by kind and by something else, a row for each."""
    names = ["kind", by, "score"]
    if not found:
        return pd.DataFrame(columns=[*names, *Interval._fields])
    return pd.concat(found, names=names).reset_index()


def _by_class(statement: FoldOutputs, judge: Callable) -> np.ndarray:
    """What `judge` makes of the features in each given class, knowing the class from training."""
    judged = np.zeros(len(statement.labels))
    for label in np.unique(statement.labels):
        rows = statement.labels == label
        known = statement.known_features[statement.known_labels == label]
        if len(known) >= MIN_IMAGES:
            judged[rows] = judge(known, statement.features[rows])
    return judged


def _outlying(known: np.ndarray, features: np.ndarray) -> np.ndarray:
    centre = known.mean(0)
    direction = np.linalg.svd(known - centre, full_matrices=False)[2][0]
    return ((features - centre) @ direction) ** 2


def _in_small_cluster(known: np.ndarray, features: np.ndarray) -> np.ndarray:
    """From -1 in the large cluster to 1 in the small one, less where the two are hardly apart."""
    few = PCA(min(DIMENSIONS, *known.shape), random_state=SEED).fit(known)
    main = few.transform(known)
    clusters = KMeans(2, n_init=4, random_state=SEED).fit(main)
    small = np.bincount(clusters.labels_, minlength=2).argmin()
    if len(np.unique(clusters.labels_)) < 2:
        return np.zeros(len(features))
    away = clusters.transform(few.transform(features))
    lean = (away[:, 1 - small] - away[:, small]) / away.sum(1).clip(1e-12)
    return lean * silhouette_score(main, clusters.labels_)


def _usual(scores: np.ndarray) -> np.ndarray:
    """In units of the mean: every network has features of its own size."""
    return scores / max(scores.mean(), 1e-12)


def _moved_by_squeezing(statement: FoldOutputs) -> np.ndarray:
    return np.abs(statement.squeezed - statement.probabilities).sum(2).max(0)


def _far_from_all(statement: FoldOutputs) -> np.ndarray:
    labels, features = statement.known_labels, statement.known_features.astype(float)
    classes = np.unique(labels)
    means = np.stack([features[labels == label].mean(0) for label in classes])
    spread = LedoitWolf(assume_centered=True).fit(
        features - means[np.searchsorted(classes, labels)]
    )
    return np.min([spread.mahalanobis(statement.features - mean) for mean in means], axis=0)
