"""Drawn images that several test modules share."""

from dataclasses import replace
from functools import cache, partial

import torch
import torch.nn.functional as F
from shared import shared

from utils.data.phantoms import Phantom, draw
from utils.data.split import Split, to_float


@cache
def drawn(name: str) -> Split:
    """The usual draw."""
    return shared(name, partial(draw, name))


def first_patients(name: str, patients: int) -> Split:
    """What `draw(name, 64, patients)` would draw, as a part of the usual draw."""
    split = drawn(name)
    return split.take(torch.arange(int((split.groups < patients).sum())))


def with_few_patients(phantom: Phantom) -> Phantom:
    """An eighth of the usual patients, at least four of each class; more, if findings are rare."""
    if phantom.has_findings:
        return replace(phantom, usual_patients=phantom.usual_patients // 5)
    few = {k: replace(v, patients=max(4, v.patients // 8)) for k, v in phantom.classes.items()}
    return replace(phantom, classes=few)


def brightness_ratio(split: Split) -> torch.Tensor:
    """Mean brightness inside the finding over that of a rim, 4 pixels wide, around it."""
    grey, inside = to_float(split.images).mean(1), split.masks.float()
    rim = F.max_pool2d(inside[:, None], 9, stride=1, padding=4)[:, 0] - inside
    mean = [(grey * part).sum((1, 2)) / part.sum((1, 2)) for part in (inside, rim)]
    return mean[0] / mean[1]
