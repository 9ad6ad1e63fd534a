"""Checks of an examined model: small experiments that find what no score shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from utils.attacks.base import eval_mode
from utils.data.split import Split, to_float
from utils.evaluation.inference import logits, predict
from utils.examine.adapter import ExaminedModel

FAINT = 1e-3 / 255  # a thousandth of a grey level: no picture file can hold it
SATURATED = 50.0  # a lead of logits that leaves the other classes a probability of 1e-22
PASSES, FEW = 12, 4  # of one image, and the different answers of a choice among versions
ALIKE = 1e-5  # difference of a probability up to which two answers are one


def ignores_its_input(model: nn.Module, split: Split) -> bool:
    """Whether all images get the same probabilities."""
    return bool(np.ptp(predict(model, split).probabilities, axis=0).max() < ALIKE)


def lead(model: nn.Module, split: Split) -> float:
    """How far the likeliest class leads in logits; of several findings, how far each lies from its
    threshold. The median over the images."""
    found = logits(model, split)
    if split.has_findings:
        return float(found.abs().median())
    first, second = found.topk(2, 1).values.T
    return float((first - second).median())


def rounds_images(model: nn.Module, split: Split) -> bool:
    """Whether a change of a thousandth of a grey level leaves most answers as they are, to the last
    bit: then something before the network rounds, as quantisation and JPEG do."""
    pixels = to_float(split.images)
    noise = torch.rand(pixels.shape, generator=torch.Generator().manual_seed(0))
    moved = (pixels + FAINT * (2 * noise - 1)).clamp(0, 1)
    with torch.no_grad(), torch.random.fork_rng(), eval_mode(model):
        torch.manual_seed(0)
        before = model(pixels)
        torch.manual_seed(0)
        same = (model(moved) == before).all(1)
    return bool(same.float().mean() > 0.5)


def versions(model: nn.Module, split: Split) -> int:
    """How many different answers an image gets in repeated passes: a few where the model chooses
    among turned images or members, and as many as there are passes where it adds noise."""
    passes = np.stack([predict(model, split, seed=k).probabilities for k in range(PASSES)])
    counts = [_different(passes[:, image]) for image in range(len(split))]
    return int(np.median(counts))


def _different(answers: np.ndarray) -> int:
    kept = answers[:0]
    for each in answers:
        if not (np.abs(kept - each).max(1, initial=0) < ALIKE).any():
            kept = np.vstack([kept, each])
    return len(kept)


def overwrites_images(model: ExaminedModel, split: Split) -> bool:
    """Whether the model, or a member of an ensemble inside it, writes into the images it is given.

    What shares these images, such as the next member, then sees others.
    """
    pixels = model.shown(to_float(split.images))
    before = pixels.clone()
    with torch.no_grad(), eval_mode(model), _members_watched(model, pixels.shape) as seen:
        model.model(pixels)
    return seen.written or not torch.equal(pixels, before)


@contextmanager
def _members_watched(model: nn.Module, shape: torch.Size) -> Iterator[SimpleNamespace]:
    """Notes whether an element of a list of modules changes its images and does not return them."""
    members = {part for each in model.modules() if isinstance(each, nn.ModuleList) for part in each}
    seen, held = SimpleNamespace(written=False), {}

    def enter(part: nn.Module, inputs) -> None:
        if part in members and inputs and _is_of(inputs[0], shape):
            held[part] = inputs[0].clone()

    def leave(part: nn.Module, inputs, output) -> None:
        if part in held and output is not inputs[0]:
            seen.written |= not torch.equal(held.pop(part), inputs[0])

    hooks = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _is_of(value: object, shape: torch.Size) -> bool:
    return isinstance(value, Tensor) and value.shape == shape
