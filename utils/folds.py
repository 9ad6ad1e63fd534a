"""What networks say of training images that they have not learned from, patient by patient."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np

from utils.backbones import Classifier
from utils.defences.evidence import Evidence, statement
from utils.objectives import CrossEntropy, Loss
from utils.run import progress
from utils.splits import Splits, split_by_group
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
    train = splits.train
    groups = np.arange(len(train)) if train.groups is None else train.groups.numpy()
    parts = split_by_group(train.labels.numpy(), groups, (1 / folds,) * folds, config.seed)
    statements = []
    for part in progress(parts, "folds"):
        known = train.take(np.setdiff1d(np.arange(len(train)), part))
        network = deepcopy(model)
        trained(network, replace(splits, train=known), config, folder, loss)
        statements.append(statement(network, known, train.take(part)))
    return Evidence(train, tuple(parts), tuple(statements))
