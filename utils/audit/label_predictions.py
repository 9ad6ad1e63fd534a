"""Which class each image looks like, judged by linear heads that learned from other patients.

A network that has learned from photographs turns each image into features, the means of its maps
over four quarters of the image, and the heads learn the given labels from them. The network itself
stays as it is. Without the package that ships its weights the features are grey levels.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from utils.data.split import Split, to_float
from utils.detection.label_error_rates import LabelSlips
from utils.evaluation.intervals import Interval, grouped_arm
from utils.run import progress

NETWORK, STAGE, CELLS = "efficientnet_lite0", 3, 2  # where it is read, and in how many parts
LEAST_SIZE, MOST_SIZE = 96, 128  # pixels that it sees, whatever the size of the images
MANY, SMALL_SIZE = 20_000, 64  # so many images are read faster, and a little worse
SIDE = 24  # pixels, where there is no network
COMPONENTS = 128  # of the features: heads learn from so few in seconds
SAMPLE = 4000  # images from which the components are found
BLOCK = 32  # images at a time: their maps fit the cache better than those of more
FOLDS, STRENGTH = 5, 1e-3  # C of a head that is held back, so that it obeys no single label
LEAST_PATIENTS = 20  # of a class: with fewer it is left out
LEAST_SKILL = 0.5  # of the way from chance to all right; else hard images look like wrong labels


@dataclass(frozen=True)
class LabelPredictions:
    """Out-of-fold probabilities for these `rows` of a folder, all of classes with enough patients.

    Labels count these classes alone; `class_names` are theirs. `source` is what was learned from.
    """

    rows: np.ndarray
    class_names: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    probabilities: np.ndarray
    source: str

    @cached_property
    def accuracy(self) -> Interval:
        """Balanced accuracy by the given labels, with its interval over patients."""
        right = self.probabilities.argmax(1) == self.labels
        return grouped_balanced_accuracy(self.labels, right, self.groups)

    @property
    def chance(self) -> float:
        return 1 / len(self.class_names)

    @property
    def are_informative(self) -> bool:
        return self.accuracy.low > self.chance

    @property
    def carry_classes(self) -> bool:
        """Whether most images look like their class, so that a wrong label stands out.

        Many wrong labels lower the accuracy as well: nothing here tells them from hard images.
        """
        return (self.accuracy.value - self.chance) / (1 - self.chance) >= LEAST_SKILL

    @cached_property
    def slips(self) -> LabelSlips:
        return LabelSlips.of(self.labels, self.probabilities, self.groups)


def grouped_balanced_accuracy(labels: np.ndarray, right: np.ndarray, groups) -> Interval:
    """With its interval over groups."""
    names, member = np.unique(labels, return_inverse=True)
    counts = np.bincount(member)
    recalls = np.bincount(member, right) / counts
    parts = (right - recalls[member]) / (len(names) * counts[member])
    value, arm = recalls.mean(), grouped_arm(parts, groups)
    return Interval(float(value), float(max(0, value - arm)), float(min(1, value + arm)))


def predict_labels(split: Split) -> LabelPredictions | None:
    """Predictions for the labels of these images; None without two classes of enough patients."""
    labels, patients = split.labels.numpy(), np.asarray(split.patients)
    enough = [c for c in np.unique(labels) if _count(patients[labels == c]) >= LEAST_PATIENTS]
    rows = np.flatnonzero(np.isin(labels, enough))
    if len(enough) < 2:
        return None
    patients, labels = patients[rows], np.searchsorted(enough, labels[rows])
    features, source = image_features(split.images[rows])
    probabilities = np.empty((len(rows), len(enough)))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for known, held_out in folds.split(features, labels, patients):
        regression = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=500)
        head = make_pipeline(StandardScaler(), regression).fit(features[known], labels[known])
        probabilities[held_out] = head.predict_proba(features[held_out])
    names = np.array(split.class_names)[enough]
    return LabelPredictions(rows, names, labels, patients, probabilities, source)


def _count(patients: np.ndarray) -> int:
    return len(np.unique(patients))


def image_features(images: Tensor) -> tuple[np.ndarray, str]:
    """A row of principal components for each image, and what they are components of."""
    try:
        read, source = _network(len(images)), f"features of {NETWORK} (ImageNet)"
    except FileNotFoundError:  # the package with its weights is not installed
        read, source = _pixels, "grey levels"
    some = np.sort(np.random.default_rng(0).permutation(len(images))[:SAMPLE])
    known = _in_blocks(read, images, some)
    scaler = StandardScaler().fit(known)
    most = min(COMPONENTS, *known.shape)
    components = PCA(most, svd_solver="randomized", random_state=0).fit(scaler.transform(known))
    reduced = make_pipeline(scaler, components).transform
    parts = [reduced(known)]
    if len(others := np.setdiff1d(np.arange(len(images)), some)):
        parts.append(_in_blocks(lambda block: reduced(read(block)), images, others))
    return np.concatenate(parts)[np.concatenate([some, others]).argsort()], source


def _in_blocks(read, images: Tensor, rows: np.ndarray) -> np.ndarray:
    blocks = progress(torch.from_numpy(rows).split(BLOCK), "looking at labels")
    return np.concatenate([read(to_float(images[block])) for block in blocks])


def _pixels(images: Tensor) -> np.ndarray:
    return F.adaptive_avg_pool2d(images, SIDE).flatten(1).numpy()


def _network(count: int):
    """A function from images to rows of features; it sees so many images at a smaller size."""
    from utils.attacks.fused import fuse_batch_norm  # here: only this check needs a network
    from utils.backbones.classifier import build
    from utils.training.features import StageMeans

    least = LEAST_SIZE if count <= MANY else SMALL_SIZE
    model = build(NETWORK, 2, least, "imagenet", frozen=True)
    stages: nn.Module = StageMeans(model.backbone, (STAGE,), CELLS)
    probe = torch.linspace(0, 1, 3 * least**2).view(1, 3, least, least)
    stages = fuse_batch_norm(stages, probe)  # a quarter quicker

    def read(images: Tensor) -> np.ndarray:
        side = min(max(images.shape[-1], least), MOST_SIZE)
        images = F.interpolate(images, (side, side), mode="bilinear", antialias=True)
        with torch.inference_mode():
            return stages((images.expand(-1, 3, -1, -1) - model.mean) / model.std).numpy()

    return read
