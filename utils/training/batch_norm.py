"""A control: batch norm that knows the statistics of other images, under the same weights."""

import math
from copy import deepcopy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from utils.attacks.base import eval_mode
from utils.data.split import Split, to_float
from utils.evaluation.inference import BATCH, predict
from utils.evaluation.predictions import Predictions
from utils.run import device_of


def reestimate_batch_norm(model: nn.Module, split: Split, batch_size: int = BATCH) -> None:
    """Set the mean and variance of every batch norm to those of these images; no weight changes.

    One pass over the images as they are; each layer keeps the average over batches of nearly equal
    size. Dropout stays off. What training leaves behind in these statistics (augmented or attacked
    images, a changing network) is gone: a gain from this alone is no gain of a method.
    """
    layers = [part for part in model.modules() if isinstance(part, _BatchNorm)]
    if not any(layer.track_running_stats for layer in layers):
        raise ValueError(f"{type(model).__name__} has no batch norm with statistics to re-estimate")
    momenta = [layer.momentum for layer in layers]
    with torch.no_grad(), eval_mode(model):
        try:
            for layer in layers:
                layer.reset_running_stats()
                layer.momentum = None  # the cumulative average
                layer.train()
            for images in split.images.tensor_split(math.ceil(len(split) / batch_size)):
                model(to_float(images.to(device_of(model))))
        finally:
            for layer, momentum in zip(layers, momenta, strict=True):
                layer.momentum = momentum


def predict_by_own_statistics(model: nn.Module, split: Split) -> Predictions:
    """Predictions whose batch norm has the statistics of these very images, without their labels.

    What a network recovers so, it had lost to stale statistics (Schneider 2020). The model that is
    given stays as it is.
    """
    other = deepcopy(model)
    reestimate_batch_norm(other, split)
    return predict(other, split)
