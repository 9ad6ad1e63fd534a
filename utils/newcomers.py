"""Large images of patients whom a classifier has never met, for work on what comes before it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from utils.contamination.resizers import Resizer
from utils.datasets import load
from utils.phantoms import PHANTOMS, draw
from utils.similarity import NEAR, nearest, small_grey
from utils.splits import Split, Splits, joined


def newcomers(
    name: str,
    size: int,
    patients: int = 0,
    seed: int = 0,
    root: str | Path | None = None,
    other: str | Path | None = None,
) -> Split:
    """Of a phantom new patients are drawn; of files it is the test set, or all that the folder
    `other` holds, which may have larger copies than `root`. Not more than `patients`; 0: all.
    Files that are smaller than `size` are enlarged, and then little can be hidden in them.
    """
    if name in PHANTOMS:
        return draw(name, size, patients or None, seed + 1)
    found = load(name, size, other).together if other else load(name, size, root).test
    kept = torch.as_tensor(found.patients).unique()
    if patients:
        order = torch.randperm(len(kept), generator=torch.Generator().manual_seed(seed))
        kept = kept[order[:patients]]
    return found.take(torch.isin(torch.as_tensor(found.patients), kept))


def strangers(splits: Splits, images: Tensor) -> Splits:
    """Nobody of whom these images, of whatever size, show a picture is learned from, nor chooses
    the best epoch. Give whole splits: a patient is known by any picture of his.
    """
    return replace(
        splits,
        train=_without(splits.train, images),
        validation=_without(splits.validation, images),
    )


def _without(split: Split, images: Tensor) -> Split:
    distances, _ = nearest(small_grey(split.images), small_grey(images))
    known = split.patients[(distances[:, 0] <= NEAR).numpy()]
    return split.take(~np.isin(split.patients, known))


def shrunk(split: Split, resizer: Resizer, size: int) -> Split:
    """What a pipeline makes of large images. The places of findings are lost."""
    return replace(split, images=resizer(split.images, (size, size)), masks=None)


def added(split: Split, others: Split) -> Split:
    """The images of both, whose patients have nothing to do with each other."""
    first, second = (torch.as_tensor(part.patients) for part in (split, others))
    whole = ((split, first), (others, first.max() + 1 + second))
    return joined(*(replace(part, groups=g, masks=None, changed=None) for part, g in whole))
