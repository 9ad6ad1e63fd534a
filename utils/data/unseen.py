"""Images the model has not seen: large ones of unseen patients, and pictures of something else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torch import Tensor
from torchvision.transforms.v2.functional import resize, rgb_to_grayscale

from utils.data.duplicates import NEAR, nearest, small_grey
from utils.data.loading import load
from utils.data.phantoms import PHANTOMS, draw
from utils.data.split import Split, Splits, concatenate


def unseen_patients(
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
    found = load(name, size, other).all_images if other else load(name, size, root).test
    kept = torch.as_tensor(found.patients).unique()
    if patients:
        order = torch.randperm(len(kept), generator=torch.Generator().manual_seed(seed))
        kept = kept[order[:patients]]
    return found.take(torch.isin(torch.as_tensor(found.patients), kept))


def exclude_patients_of(splits: Splits, images: Tensor) -> Splits:
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


def concatenate_patients(split: Split, others: Split) -> Split:
    """The images of both, whose patients have nothing to do with each other."""
    first, second = (torch.as_tensor(part.patients) for part in (split, others))
    whole = ((split, first), (others, first.max() + 1 + second))
    return concatenate(*(replace(part, groups=g, masks=None, changed=None) for part, g in whole))


SIDE = 200  # pixels of the pieces that are cut from a photograph


def foreign_photographs(like: Split, count: int = 40, seed: int = 0) -> Split:
    """Pieces of the photographs that scikit-learn ships, as large and grey as `like`.

    Their labels mean nothing; all are the first class.
    """
    rng, pictures = np.random.default_rng(seed), load_sample_images().images
    pieces = [_piece(pictures[number % len(pictures)], rng) for number in range(count)]
    images = resize(torch.stack(pieces), list(like.images.shape[2:]), antialias=True)
    if like.images.shape[1] == 1:
        images = rgb_to_grayscale(images)
    return Split(images, torch.zeros(count, dtype=torch.long), like.class_names)


def _piece(picture: np.ndarray, rng: np.random.Generator) -> Tensor:
    top, left = (rng.integers(length - SIDE) for length in picture.shape[:2])
    piece = picture[top : top + SIDE, left : left + SIDE].transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(piece))
