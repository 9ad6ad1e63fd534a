"""Experiments with the model: does an image always get one prediction, and what is training?"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.module import register_module_forward_pre_hook

from utils.data.split import Split
from utils.evaluation.inference import logits, predict

PASSES = 4  # predictions of the same images
TRAINABLE = (_BatchNorm, _DropoutNd)  # what these do depends on the mode


@contextmanager
def watched(model: nn.Module) -> Iterator[SimpleNamespace]:
    """Notes whether a part of the model is in training mode in a forward pass, and whether its
    members, if it has any, receive the same images.

    Every layer that runs is seen, also one that the model hides from `eval()` in a list or a
    closure, if it is of a kind that behaves differently while it trains. `layers` are the kinds of
    these that do train.
    """
    seen = SimpleNamespace(trains=False, layers=set(), apart=False, first=None)
    parts, members = set(model.modules()), set(getattr(model, "members", ()))

    def watch(part, inputs) -> None:
        seen.trains |= part.training and (part in parts or isinstance(part, TRAINABLE))
        if part.training and isinstance(part, TRAINABLE):
            seen.layers.add(type(part).__name__)
        if part is model:
            seen.first = None
        elif part in members:
            seen.first = inputs[0] if seen.first is None else seen.first
            seen.apart = seen.apart or not torch.equal(seen.first, inputs[0])

    hook = register_module_forward_pre_hook(watch)
    try:
        yield seen
    finally:
        hook.remove()


def differences(model: nn.Module, few: Split) -> tuple[float, float]:
    """The largest difference of a probability between passes, and between sizes of the batch."""
    first, *others = (predict(model, few, seed=seed).probabilities for seed in range(PASSES))
    in_pairs = predict(model, few, batch_size=2).probabilities
    return float(np.abs(np.stack(others) - first).max()), float(np.abs(in_pairs - first).max())


def returns_probabilities(model: nn.Module, few: Split) -> bool:
    """Whether the outputs are between 0 and 1 and add up to 1, which no logits do.

    Of several findings the probabilities add up to anything.
    """
    found = logits(model, few)
    if few.has_findings:
        return bool((found >= 0).all() and (found <= 1).all())
    return bool((found >= 0).all() and (found.sum(1) - 1).abs().max() < 1e-4)
