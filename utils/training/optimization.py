"""How weights move: optimizer, learning rate of each step, head first, averaged weights."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel

from utils.backbones.classifier import Classifier

# All weights in one call; fused, in one pass over them: a third of the time for AdamW.
OPTIMIZERS = {
    "adamw": partial(torch.optim.AdamW, fused=True),
    "sgd": partial(torch.optim.SGD, momentum=0.9, fused=True),
    "rmsprop": partial(torch.optim.RMSprop, foreach=True),
}
FIRST_RATE = 1 / 25  # of the full learning rate, with which a rise begins
RISE = 0.3  # of all steps, the rising part of one cycle


def _cosine(done: float) -> float:
    return (1 + math.cos(math.pi * done)) / 2


SCHEDULES: dict[str, Callable[[float], float]] = {  # share done -> share of the learning rate
    "constant": lambda done: 1.0,
    "cosine": _cosine,
    "one_cycle": _cosine,  # after a rise (Smith 2018)
    "step": lambda done: 0.1 ** int(3 * done),
}
PLATEAU = "plateau"  # the one schedule that looks at the validation score


def rate_share(schedule: str, step: int, steps: int, warmup: int = 0) -> float:
    """The share of the learning rate that `step` (from 0) of all `steps` uses.

    The rate rises along a cosine over `warmup` steps; one cycle rises over 30 % of its steps
    unless `warmup` says otherwise. The schedule begins where the rise ends.
    """
    if schedule == "one_cycle" and not warmup:
        warmup = int(RISE * steps)
    if step < warmup:
        return 1 - (1 - FIRST_RATE) * _cosine(step / warmup)
    return SCHEDULES[schedule]((step - warmup) / max(1, steps - warmup))


def plateau(optimizer: Optimizer, epochs: int) -> ReduceLROnPlateau:
    """A tenth of the learning rate when the score has not risen for a tenth of the epochs."""
    return ReduceLROnPlateau(optimizer, mode="max", patience=math.ceil(epochs / 10))


def classifiers(model: nn.Module) -> list[Classifier]:
    """The parts of a model that have a backbone and a head."""
    found = [part for part in model.modules() if isinstance(part, Classifier)]
    if not found:
        raise ValueError(
            f"{type(model).__name__} holds no Classifier, so that no head is known; build one "
            "with utils.backbones, or leave head_rate at 1 and head_epochs at 0"
        )
    return found


def parameter_groups(model: nn.Module, learning_rate: float, head_rate: float) -> list[dict]:
    """All weights, the heads' with `head_rate` times the learning rate."""
    if head_rate == 1:
        return [{"params": list(model.parameters()), "lr": learning_rate}]
    heads = [weight for part in classifiers(model) for weight in part.head.parameters()]
    known = {id(weight) for weight in heads}
    others = [weight for weight in model.parameters() if id(weight) not in known]
    return [
        {"params": others, "lr": learning_rate},
        {"params": heads, "lr": head_rate * learning_rate},
    ]


@contextmanager
def heads_alone(model: nn.Module) -> Iterator[None]:
    """Only the heads learn inside; no weight and no statistic of a backbone changes."""
    learning = [part for part in classifiers(model) if not part.frozen]
    try:
        _freeze(learning, True)
        yield
    finally:
        _freeze(learning, False)


def weight_average(model: nn.Module, decay: float) -> AveragedModel:
    """An exponential average of all weights and of the statistics of batch norm."""

    def mix(means: list[Tensor], newest: list[Tensor], steps: Tensor) -> None:
        share = kept_share(decay, int(steps))
        if means[0].is_floating_point():
            torch._foreach_lerp_(means, newest, 1 - share)
        else:
            torch._foreach_copy_(means, newest)  # counters

    average = AveragedModel(model, multi_avg_fn=mix, use_buffers=True)
    average.module.eval()
    return average


def kept_share(decay: float, steps: int) -> float:
    """The share of the former mean that an average of weights keeps in a step.

    The first steps are forgotten sooner: the average of a short training would otherwise mostly
    be the random weights from which it began.
    """
    return min(decay, (1 + steps) / (10 + steps))


def _freeze(parts: list[Classifier], frozen: bool) -> None:
    for part in parts:
        part.frozen = frozen
        part.backbone.requires_grad_(not frozen)
