"""Drawn images that several test modules share."""

from functools import cache

import torch
import torch.nn.functional as F

from utils.data.phantoms import draw
from utils.data.split import Split, to_float


@cache
def drawn(name: str) -> Split:
    return draw(name)


def brightness_ratio(split: Split) -> torch.Tensor:
    """Mean brightness inside the finding over that of a rim, 4 pixels wide, around it."""
    grey, inside = to_float(split.images).mean(1), split.masks.float()
    rim = F.max_pool2d(inside[:, None], 9, stride=1, padding=4)[:, 0] - inside
    mean = [(grey * part).sum((1, 2)) / part.sum((1, 2)) for part in (inside, rim)]
    return mean[0] / mean[1]
