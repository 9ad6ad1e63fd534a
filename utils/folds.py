"""What networks say of training images that they have not learned from, patient by patient."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np

from utils.backbones import Classifier
from utils.defences.evidence import Evidence, statement
from utils.objectives import CrossEntropy, Loss
from utils.run import progress
from utils.splits import Split, Splits, split_by_group
from utils.training import TrainConfig, trained


def cross_examined(
    model: Classifier,
    splits: Splits,
    config: TrainConfig,
    folder: Path,
    folds: int = 4,
    loss: Loss = CrossEntropy(),
) -> Evidence:
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
        trained(network, replace(splits, train=known), config, folder, loss)
        statements.append(statement(network, known, train.take(part)))
    return Evidence(train, tuple(parts), tuple(statements))


def _parts(train: Split, folds: int, seed: int) -> list[np.ndarray]:
    patients = len(np.unique(train.patients))
    if not 2 <= folds <= patients // 2:  # at least two patients to learn from, and to ask about
        raise ValueError(f"{patients} patients make 2 to {patients // 2} folds, not {folds}")
    return split_by_group(train.labels.numpy(), train.patients, (1 / folds,) * folds, seed)
