"""What networks say of images they have not learned from."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch.nn.functional as F
from torch import Tensor, nn

from utils.backbones import Classifier
from utils.data.patient_split import split_by_group
from utils.data.split import Split, Splits
from utils.detection.noise_traces import traces
from utils.evaluation.predict import features_and_logits
from utils.run import progress
from utils.training.loop import TrainConfig, train_or_load
from utils.training.losses import CrossEntropy, Loss

Squeezer = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class GreyLevels:
    """As few grey levels as so many bits hold. Gradients pass as if it did nothing, so that an
    attacker can aim through it.
    """

    bits: int = 3

    def __call__(self, pixels: Tensor) -> Tensor:
        steps = 2**self.bits - 1
        return pixels + ((pixels * steps).round() / steps - pixels).detach()


@dataclass(frozen=True)
class MedianFilter:
    """Each pixel becomes the median of the square around it."""

    window: int = 3  # odd

    def __post_init__(self):
        if self.window < 1 or self.window % 2 == 0:
            raise ValueError(f"a window has a middle only if it is odd, got {self.window}")

    def __call__(self, pixels: Tensor) -> Tensor:
        padded = F.pad(pixels, [self.window // 2] * 4, mode="reflect")
        squares = padded.unfold(2, self.window, 1).unfold(3, self.window, 1)
        return squares.flatten(4).median(4).values


class Squeezed(nn.Module):
    """What a model says of images that it sees through a squeezer: an attacker can aim at it."""

    def __init__(self, model: nn.Module, squeezer: Squeezer):
        super().__init__()
        self.model, self.squeezer = model, squeezer

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model(self.squeezer(pixels))


SQUEEZERS: tuple[Squeezer, ...] = (GreyLevels(), MedianFilter())


@dataclass(frozen=True)
class FoldOutputs:
    """What one network says of images under suspicion, and of those `known` from its training.

    Labels are those that were given, right or wrong.
    """

    labels: np.ndarray
    features: np.ndarray  # (images, width)
    probabilities: np.ndarray  # (images, classes)
    squeezed: np.ndarray  # (squeezers, images, classes): the probabilities after squeezing
    known_labels: np.ndarray
    known_features: np.ndarray


@dataclass(frozen=True)
class OutOfFoldOutputs:
    """A split under suspicion, and the statements: each image has exactly one."""

    split: Split
    places: tuple[np.ndarray, ...]  # in the split, of the images that each statement is about
    statements: tuple[FoldOutputs, ...]

    def each(self, judge: Callable[[FoldOutputs], np.ndarray]) -> np.ndarray:
        """A row for each image: what `judge` makes of the statement about it."""
        judged = np.concatenate([np.asarray(judge(each)) for each in self.statements])
        return judged[np.concatenate(self.places).argsort()]

    @cached_property
    def traces(self) -> pd.DataFrame:
        """Those in the pixels, whatever the networks say."""
        return traces(self.split)

    @property
    def probabilities(self) -> np.ndarray:
        """What was said of each image by a network that had not learned from it."""
        return self.each(lambda fold_outputs: fold_outputs.probabilities)


def outputs_of(model: Classifier, known: Split, split: Split) -> OutOfFoldOutputs:
    """The evidence of one network, which has learned from `known` and not from `split`."""
    return OutOfFoldOutputs(split, (np.arange(len(split)),), (fold_outputs(model, known, split),))


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
    model: Classifier, split: Split, squeezer: Squeezer | None = None
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
    """The evidence about all training images: each is asked of a network that has learned from
    the other folds, and no patient is in two of them.

    `model` is where every network starts; it stays as it is. The networks are kept in `folder`,
    their best epochs chosen on the validation images.
    """
    train, statements = splits.train, []
    parts = _parts(train, folds, config.seed)
    for part in progress(parts, "folds"):
        known = train.take(np.setdiff1d(np.arange(len(train)), part))
        network = deepcopy(model)
        train_or_load(network, replace(splits, train=known), config, folder, loss)
        statements.append(fold_outputs(network, known, train.take(part)))
    return OutOfFoldOutputs(train, tuple(parts), tuple(statements))


def _parts(train: Split, folds: int, seed: int) -> list[np.ndarray]:
    patients = len(np.unique(train.patients))
    if not 2 <= folds <= patients // 2:  # at least two patients to learn from, and to ask about
        raise ValueError(f"{patients} patients make 2 to {patients // 2} folds, not {folds}")
    return split_by_group(train.labels.numpy(), train.patients, (1 / folds,) * folds, seed)
