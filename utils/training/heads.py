"""A small network learns on features that are there already: a training takes a second."""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from utils.training.config import TrainConfig
from utils.training.losses import CrossEntropy, Loss
from utils.training.optimization import OPTIMIZERS, PLATEAU, rate_share

Head = TypeVar("Head", bound=nn.Module)


def fit_on_features(
    head: Head, rows: Tensor, labels: Tensor, config: TrainConfig, loss: Loss = CrossEntropy()
) -> Head:
    """The head after the last epoch, in evaluation mode; it is trained in place.

    The rows take the place of images. Nothing is augmented or kept on disk, and no validation
    chooses an epoch.
    """
    if config.schedule == PLATEAU:
        raise ValueError(f"no validation score is measured here; take another schedule: {config}")
    optimizer = OPTIMIZERS[config.optimizer](
        head.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    order = torch.Generator().manual_seed(config.seed)
    steps = config.epochs * math.ceil((len(rows) - 1) / config.batch_size)
    head.train()
    for epoch in range(config.epochs):
        places = torch.randperm(len(rows), generator=order).split(config.batch_size)
        for step, some in enumerate(each for each in places if len(each) > 1):
            done = epoch * (steps // config.epochs) + step
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * rate_share(config.schedule, done, steps)
            value = loss(head, rows[some], labels[some], epoch)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    return head.eval()
