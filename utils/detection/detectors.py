"""Detectors: one number per image, higher is more suspicious, after `fit` where one must learn.

The detectors in DETECTORS read the outputs of networks that did not train on the image. Others
with the same interface stand in the modules beside this one.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

from utils.contamination.base import KINDS, kinds_of
from utils.data.split import Split
from utils.detection.label_errors import label_error_scores
from utils.detection.noise_traces import largest_deviation
from utils.detection.out_of_fold import FoldOutputs, OutOfFoldOutputs
from utils.evaluation.intervals import Interval
from utils.evaluation.roc import roc_scores
from utils.run import progress

MIN_IMAGES_PER_CLASS = 10  # images of a class: in a smaller one every score is 0
DIMENSIONS = 10  # of the features, before they are clustered
SEED = 0

Input = TypeVar("Input", contravariant=True)


class Detector(Protocol[Input]):
    """What every detector of this package has; the input is a Split or what is known of one.

    A detector that must learn has `fit(...)`, which returns the detector itself, or, where it is
    of no use before, comes from a function `train_...` or `fit_...`.
    """

    def score(self, images: Input) -> np.ndarray:
        """One number per image; higher is more suspicious."""


class ConfidentLearning:
    """Label errors: another label is more likely than the given one (Northcutt 2021)."""

    def score(self, outputs: OutOfFoldOutputs) -> np.ndarray:
        return label_error_scores(outputs.split.labels, outputs.probabilities)


class SpectralSignature:
    """Backdoors: far out along the main direction of the features of its class (Tran 2018)."""

    def score(self, outputs: OutOfFoldOutputs) -> np.ndarray:
        return outputs.per_image(lambda fold: _in_units_of_mean(_by_class(fold, _outlyingness)))


class ActivationClustering:
    """Backdoors: in the smaller of two clusters of its class, if both are far apart (Chen 2018)."""

    def score(self, outputs: OutOfFoldOutputs) -> np.ndarray:
        return outputs.per_image(lambda fold: _by_class(fold, _in_small_cluster))


class FeatureSqueezing:
    """Adversarial images: the prediction changes when fine detail is removed (Xu 2018)."""

    def score(self, outputs: OutOfFoldOutputs) -> np.ndarray:
        return outputs.per_image(_change_by_squeezing)


class Mahalanobis:
    """Adversarial images: features far from those of every class, by their spread (Lee 2018)."""

    def score(self, outputs: OutOfFoldOutputs) -> np.ndarray:
        return outputs.per_image(_distance_from_classes)


class NoiseLevelOfOutputs:
    """Noise: `NoiseLevel` of the images, from traces that are computed only once."""

    def score(self, outputs: OutOfFoldOutputs) -> np.ndarray:
        return largest_deviation(outputs.traces)


DETECTORS: dict[str, Detector[OutOfFoldOutputs]] = {
    "confident learning": ConfidentLearning(),
    "spectral signature": SpectralSignature(),
    "activation clustering": ActivationClustering(),
    "feature squeezing": FeatureSqueezing(),
    "Mahalanobis": Mahalanobis(),
    "noise level": NoiseLevelOfOutputs(),
}


def detector_scores(outputs: OutOfFoldOutputs, names: Sequence[str] = ()) -> pd.DataFrame:
    """A row for each image, a column for each of these DETECTORS; all if none is named."""
    names = tuple(names) or tuple(DETECTORS)
    if unknown := [name for name in names if name not in DETECTORS]:
        raise ValueError(f"unknown detector {unknown[0]!r}; choose from {', '.join(DETECTORS)}")
    return pd.DataFrame(
        {name: DETECTORS[name].score(outputs) for name in progress(names, "detectors")}
    )


def image_features(outputs: OutOfFoldOutputs) -> pd.DataFrame:
    """All scores, and the traces behind the noise level: inputs of a ContaminationClassifier."""
    return pd.concat([detector_scores(outputs), outputs.traces], axis=1)


def auroc_by_kind(table: pd.DataFrame, split: Split, seed: int = 0) -> pd.DataFrame:
    """How well each column finds each kind of contamination among the clean images.

    A row for each kind, column and score, with its interval over patients.
    """
    present = [KINDS[kind] for kind in np.unique(kinds_of(split)) if kind]
    found = {
        (kind, name): auroc_against_clean(scores, split, kind, seed)
        for kind in present
        for name, scores in table.items()
    }
    return long_table(found, "detector")


def auroc_against_clean(scores, split: Split, kind: str, seed: int = 0) -> pd.DataFrame:
    """How well scores separate the images of this kind from the clean ones."""
    kinds = kinds_of(split).numpy()
    positive = kinds == KINDS.index(kind)
    either = positive | (kinds == 0)
    return roc_scores(np.asarray(scores)[either], positive[either], split.patients[either], seed)


def long_table(found: dict[tuple[str, str], pd.DataFrame], by: str) -> pd.DataFrame:
    """Scores by kind and by something else, a row for each."""
    names = ["kind", by, "score"]
    if not found:
        return pd.DataFrame(columns=[*names, *Interval._fields])
    return pd.concat(found, names=names).reset_index()


def _by_class(fold: FoldOutputs, score: Callable) -> np.ndarray:
    """`score(known, features)` within each given class; `known` are those of its training."""
    scores = np.zeros(len(fold.labels))
    for label in np.unique(fold.labels):
        rows = fold.labels == label
        known = fold.known_features[fold.known_labels == label]
        if len(known) >= MIN_IMAGES_PER_CLASS:
            scores[rows] = score(known, fold.features[rows])
    return scores


def _outlyingness(known: np.ndarray, features: np.ndarray) -> np.ndarray:
    centre = known.mean(0)
    direction = np.linalg.svd(known - centre, full_matrices=False)[2][0]
    return ((features - centre) @ direction) ** 2


def _in_small_cluster(known: np.ndarray, features: np.ndarray) -> np.ndarray:
    """From -1 in the large cluster to 1 in the small one; near 0 where they hardly differ."""
    reduction = PCA(min(DIMENSIONS, *known.shape), random_state=SEED).fit(known)
    main = reduction.transform(known)
    clusters = KMeans(2, n_init=4, random_state=SEED).fit(main)
    small = np.bincount(clusters.labels_, minlength=2).argmin()
    if len(np.unique(clusters.labels_)) < 2:
        return np.zeros(len(features))
    distance = clusters.transform(reduction.transform(features))
    lean = (distance[:, 1 - small] - distance[:, small]) / distance.sum(1).clip(1e-12)
    return lean * silhouette_score(main, clusters.labels_)


def _in_units_of_mean(scores: np.ndarray) -> np.ndarray:
    """Comparable between networks, whose features differ in size."""
    return scores / max(scores.mean(), 1e-12)


def _change_by_squeezing(fold: FoldOutputs) -> np.ndarray:
    return np.abs(fold.squeezed - fold.probabilities).sum(2).max(0)


def _distance_from_classes(fold: FoldOutputs) -> np.ndarray:
    labels, features = fold.known_labels, fold.known_features.astype(float)
    classes = np.unique(labels)
    means = np.stack([features[labels == label].mean(0) for label in classes])
    spread = LedoitWolf(assume_centered=True).fit(
        features - means[np.searchsorted(classes, labels)]
    )
    return np.min([spread.mahalanobis(fold.features - mean) for mean in means], axis=0)
