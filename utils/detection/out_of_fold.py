"""Out-of-fold outputs: what networks predict for images that they did not train on."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from utils.attacks.adaptive import StraightThrough
from utils.backbones.classifier import Classifier
from utils.data.split import Split, Splits
from utils.defences.ensemble import Ensemble
from utils.defences.purification import GreyLevels, MedianFilter, Purified, Transform
from utils.detection.noise_traces import traces
from utils.evaluation.inference import features_and_logits
from utils.run import progress
from utils.training.config import TrainConfig
from utils.training.cross_validation import folds_of
from utils.training.loop import train_or_load
from utils.training.losses import CrossEntropy, Loss

SQUEEZERS: tuple[Transform, ...] = (GreyLevels(), MedianFilter())


def with_squeezers(model: nn.Module) -> Ensemble:
    """A model and its squeezed versions as one: what an attack that knows the detector aims at.

    Rounding has no gradient, and lets that of the model pass; a median has one of its own.
    """
    rounded, smoothed = StraightThrough(SQUEEZERS[0]), SQUEEZERS[1]
    return Ensemble([model, Purified(model, rounded), Purified(model, smoothed)])


@dataclass(frozen=True)
class FoldOutputs:
    """The outputs of one network for held-out images, and features of `known` training images.

    Labels are the given ones, right or wrong.
    """

    labels: np.ndarray
    features: np.ndarray  # (images, width)
    probabilities: np.ndarray  # (images, classes)
    squeezed: np.ndarray  # (squeezers, images, classes): the probabilities after squeezing
    known_labels: np.ndarray
    known_features: np.ndarray


@dataclass(frozen=True)
class OutOfFoldOutputs:
    """A split and the outputs of networks, each image in exactly one fold."""

    split: Split
    places: tuple[np.ndarray, ...]  # of the images of each fold in the split
    folds: tuple[FoldOutputs, ...]

    def per_image(self, function: Callable[[FoldOutputs], np.ndarray]) -> np.ndarray:
        """A row for each image: the `function` of its fold, in the order of the split."""
        rows = np.concatenate([np.asarray(function(fold)) for fold in self.folds])
        return rows[np.concatenate(self.places).argsort()]

    @cached_property
    def traces(self) -> pd.DataFrame:
        """Traces of noise in the pixels; they need no network."""
        return traces(self.split)

    @property
    def probabilities(self) -> np.ndarray:
        """The out-of-fold probabilities of each image."""
        return self.per_image(lambda fold: fold.probabilities)


def outputs_of_features(features: np.ndarray, split: Split) -> OutOfFoldOutputs:
    """The outputs of a network that stays as it is, for detectors that read features alone."""
    labels, unknown = split.labels.numpy(), np.empty((0, len(split), split.classes))
    fold = FoldOutputs(labels, features, np.empty((len(split), 0)), unknown, labels, features)
    return OutOfFoldOutputs(split, (np.arange(len(split)),), (fold,))


def fold_outputs(model: Classifier, known: Split, split: Split) -> FoldOutputs:
    features, probabilities = _predictions(model, split)
    steps = progress(SQUEEZERS, "squeezers")
    return FoldOutputs(
        labels=split.labels.numpy(),
        features=features,
        probabilities=probabilities,
        squeezed=np.stack([_predictions(model, split, squeezer)[1] for squeezer in steps]),
        known_labels=known.labels.numpy(),
        known_features=_predictions(model, known)[0],
    )


def _predictions(
    model: Classifier, split: Split, squeezer: Transform | None = None
) -> tuple[np.ndarray, np.ndarray]:
    features, logits = features_and_logits(model, split, squeezer)
    return features.numpy(), logits.double().softmax(1).numpy()


def cross_val_outputs(
    model: Classifier,
    splits: Splits,
    config: TrainConfig,
    folder: Path,
    folds: int = 4,
    loss: Loss = CrossEntropy(),
) -> OutOfFoldOutputs:
    """Outputs for all training images, each from a network that learned from other patients.

    `model` is where every network starts; it stays as it is. The networks are kept in `folder`,
    their best epochs chosen on the validation images.
    """
    train, outputs = splits.train, []
    parts = folds_of(train, folds, config.seed)
    for part in progress(parts, "folds"):
        known = train.take(np.setdiff1d(np.arange(len(train)), part))
        network = deepcopy(model)
        train_or_load(network, replace(splits, train=known), config, folder, loss)
        outputs.append(fold_outputs(network, known, train.take(part)))
    return OutOfFoldOutputs(train, tuple(parts), tuple(outputs))
