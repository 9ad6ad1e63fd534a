"""Nearest neighbours and duplicates by plain pixels.

Images are compared as 32 x 32 grey images; their distance is the root mean square difference in
grey levels (0 to 255). Every pair is compared and nothing is hashed: on registered brains a hash
of 64 bits takes most patients for duplicates of each other.
"""

import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from utils.data.formats.depth import grey_levels
from utils.data.split import Splits

SIDE = 32
ROWS = 1024  # compared at a time
NEAR = 2.0  # grey levels: a slightly brighter copy is closer, a poor JPEG copy is farther away


def small_grey(images: Tensor) -> Tensor:
    """Every image as 1,024 grey levels, averaged over areas: float32 (n, 1024)."""
    blocks = (grey_levels(block).mean(1, keepdim=True) for block in images.split(ROWS))
    return torch.cat([F.adaptive_avg_pool2d(block, SIDE).flatten(1) for block in blocks])


def pixel_hashes(images: Tensor) -> list[str]:
    """One hash per image; identical images have the same."""
    return [hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in images]


def nearest(queries: Tensor, pictures: Tensor, count: int = 1) -> tuple[Tensor, Tensor]:
    """Distances to, and positions of, the `count` nearest images of each query.

    Exact, and two to three times as fast as the brute-force search of scikit-learn.
    """
    found = [
        block.topk(min(count, len(pictures)), largest=False)
        for block in _squared_distances(queries, pictures)
    ]
    squared = torch.cat([values for values, _ in found])
    positions = torch.cat([indices for _, indices in found])
    return (squared.clamp(min=0) / queries.shape[1]).sqrt(), positions


def _squared_distances(queries: Tensor, pictures: Tensor) -> Iterator[Tensor]:
    centre = pictures.mean(0)  # small numbers keep float32 digits for the difference
    pictures = pictures - centre
    lengths = pictures.square().sum(1)
    for block in (queries - centre).split(ROWS):
        yield torch.addmm(lengths, block, pictures.T, alpha=-2).add_(block.square().sum(1)[:, None])


def duplicate_pairs(images: Tensor, threshold: float = NEAR) -> Tensor:
    """Positions (pairs, 2) of images at most `threshold` grey levels apart, lower one first."""
    pictures, limit = small_grey(images), threshold**2 * SIDE**2
    found = []
    for start in range(0, len(pictures), ROWS):
        (apart,) = _squared_distances(pictures[start : start + ROWS], pictures[start:])
        # float32 errs by less than one grey level squared; candidates are measured again
        pairs = start + torch.nonzero(apart <= limit + SIDE**2)
        pairs = pairs[pairs[:, 0] < pairs[:, 1]]
        for candidates in pairs.split(ROWS):
            exact = (pictures[candidates[:, 0]] - pictures[candidates[:, 1]]).square().sum(1)
            found.append(candidates[exact <= limit])
    return torch.cat(found) if found else torch.empty(0, 2, dtype=torch.long)


def merge_duplicates(images: Tensor, groups: Tensor | None = None) -> Tensor:
    """A group number for each image: duplicates share one.

    Where `groups` are known, an identical image in two of them merges them; a near-duplicate does
    not, because two cells of two patients may look alike.
    """
    pairs = duplicate_pairs(images, NEAR if groups is None else 0)
    if groups is None:
        groups = torch.arange(len(images))
    _, member = torch.unique(groups, return_inverse=True)
    first, second = member[pairs[:, 0]], member[pairs[:, 1]]
    count = int(member.max()) + 1
    links = coo_matrix((np.ones(len(pairs)), (first, second)), shape=(count, count))
    return torch.from_numpy(connected_components(links)[1]).long()[member]


def duplicates_across(splits: Splits, threshold: float = NEAR) -> pd.DataFrame:
    """One row per pair of duplicates, within a split or across two, nearest pairs first."""
    images = torch.cat([split.images for _, split in splits.items()])
    names = np.repeat([name for name, _ in splits.items()], [len(s) for _, s in splits.items()])
    places = np.concatenate([np.arange(len(split)) for _, split in splits.items()])
    pairs = duplicate_pairs(images, threshold).numpy()
    pictures = small_grey(images)
    apart = (pictures[pairs[:, 0]] - pictures[pairs[:, 1]]).square().mean(1).sqrt()
    table = pd.DataFrame(
        {
            "split": names[pairs[:, 1]],
            "image": places[pairs[:, 1]],
            "split of twin": names[pairs[:, 0]],
            "twin": places[pairs[:, 0]],
            "distance": apart.numpy(),
            "identical": (images[pairs[:, 0]] == images[pairs[:, 1]]).flatten(1).all(1).numpy(),
        }
    )
    return table.sort_values("distance", ignore_index=True, kind="stable")
