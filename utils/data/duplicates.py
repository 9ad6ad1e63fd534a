"""Nearest neighbours and duplicates by plain pixels.

Images are compared as 32 x 32 grey images; their distance is the root mean square difference in
grey levels (0 to 255). Every pair is compared and nothing is hashed: on registered brains a hash
of 64 bits takes most patients for duplicates of each other. Only `nearest_in_cells`, for very many
images, leaves out pairs.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from utils.data.components import linked_groups
from utils.data.formats.depth import grey_levels
from utils.data.neighbours import NEAR, SIDE, near_pairs, pixel_hashes
from utils.data.split import Splits

ROWS = 1024  # compared at a time
PIXELS = 2**22  # of large images that are made small at a time
CELLS = 64  # searched for the neighbours of an image, of as many as the root of all images
SAMPLE = 64  # images per cell from which its centre is found
STEPS = 5  # of k-means: cells need not be the best ones


def small_grey(images: Tensor, rows: Tensor | None = None) -> Tensor:
    """Every image as 1,024 grey levels, averaged over areas: float32 (n, 1024). With `rows`, only
    these, without a copy of them."""
    count = max(1, PIXELS // max(1, images[:1].numel()))
    some = images.split(count) if rows is None else (images[block] for block in rows.split(count))
    blocks = (grey_levels(block).mean(1, keepdim=True) for block in some)
    return torch.cat([F.adaptive_avg_pool2d(block, SIDE).flatten(1) for block in blocks])


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


def nearest_in_cells(pictures: Tensor, count: int) -> Tensor:
    """Positions of about the `count` nearest images of each, itself among them.

    The images are cut into cells (k-means), and only those of the nearest cells are compared: the
    inverted file of large searches (Jegou 2011). Each is compared with `CELLS` times the root of
    their number, so that this search grows with the number to the power of 1.5.
    """
    cells = math.isqrt(len(pictures))
    centres = _centres(pictures, cells)
    member = nearest(pictures, centres)[1][:, 0]
    sizes = member.bincount(minlength=cells)
    inside = member.argsort(stable=True).split(sizes.tolist())
    found = torch.empty(len(pictures), count, dtype=torch.long)
    for rows, order in zip(inside, nearest(centres, centres, cells)[1], strict=True):
        # Cells differ in size, and with many copies most are empty: so many images, not cells.
        enough = max(count, CELLS * len(pictures) // cells)
        searched = order[: 1 + int((sizes[order].cumsum(0) < enough).sum())]
        candidates = torch.cat([inside[cell] for cell in searched])
        if len(rows):
            places = nearest(pictures[rows], pictures[candidates], count)[1]
            found[rows] = candidates[places]
    return found


def _centres(pictures: Tensor, cells: int) -> Tensor:
    """The centres of cells that hold the images (Lloyd's k-means on some of them)."""
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(0))
    some = pictures[order[: SAMPLE * cells]]
    centres = some[:cells].clone()
    for _ in range(STEPS):
        member = nearest(some, centres)[1][:, 0]
        sums = torch.zeros_like(centres).index_add_(0, member, some)
        sizes = member.bincount(minlength=cells)
        centres[sizes > 0] = sums[sizes > 0] / sizes[sizes > 0, None]
    return centres


def duplicate_pairs(images: Tensor, threshold: float = NEAR, rows: Tensor | None = None) -> Tensor:
    """Positions (pairs, 2) of images at most `threshold` grey levels apart, lower one first; with
    `rows`, positions among these."""
    if not len(images if rows is None else rows):
        return torch.empty(0, 2, dtype=torch.long)
    return torch.from_numpy(near_pairs(small_grey(images, rows).numpy(), threshold))


def merge_duplicates(
    images: Tensor, groups: Tensor | None = None, rows: Tensor | None = None
) -> Tensor:
    """A group number for each image, or each of these `rows`: duplicates share one.

    Where `groups` are known, an identical image in two of them merges them; a near-duplicate does
    not, because two cells of two patients may look alike.
    """
    pairs = duplicate_pairs(images, NEAR if groups is None else 0, rows)
    if groups is None:
        groups = torch.arange(len(images if rows is None else rows))
    _, member = torch.unique(groups, return_inverse=True)
    linked = linked_groups(*member[pairs].T, int(member.max()) + 1)
    return torch.from_numpy(linked).long()[member]


def duplicates_across(splits: Splits, threshold: float = NEAR) -> pd.DataFrame:
    """Duplicates within a split or across two, nearest pairs first.

    One row per image and split: its nearest duplicate among the images that stand before it. So
    a thousand copies of one picture give a thousand rows, not their square.
    """
    parts = [_Part.of(name, split.images) for name, split in splits.items() if len(split)]
    pairs = ((part, other) for place, part in enumerate(parts) for other in parts[: place + 1])
    table = pd.concat([_twins(*pair, threshold) for pair in pairs], ignore_index=True)
    return table.sort_values("distance", ignore_index=True, kind="stable")


@dataclass(frozen=True)
class _Part:
    """The different pictures of a split, in the order of their first images."""

    name: str
    member: np.ndarray  # which picture each image shows
    hashes: pd.Index  # of the pictures
    first: np.ndarray  # the first image of each
    pictures: Tensor

    @classmethod
    def of(cls, name: str, images: Tensor) -> "_Part":
        member, hashes = pd.factorize(np.array(pixel_hashes(images)))
        _, first = np.unique(member, return_index=True)
        return cls(
            name, member, pd.Index(hashes), first, small_grey(images, torch.from_numpy(first))
        )

    def nearest_in(self, other: "_Part") -> tuple[np.ndarray, np.ndarray]:
        """For each image the nearest one of another split, and whether it is identical."""
        same = other.hashes.get_indexer(self.hashes)  # -1 if it is not there
        near = nearest(self.pictures, other.pictures)[1][:, 0].numpy()
        found = other.first[np.where(same < 0, near, same)]
        return found[self.member], (same >= 0)[self.member]

    def nearest_before(self) -> tuple[np.ndarray, np.ndarray]:
        """For each image the nearest one before it, and whether it is identical."""
        first = self.first[self.member]
        again = first < np.arange(len(first))
        near = self.first[_nearest_before(self.pictures)][self.member]
        return np.where(again, first, near), again


def _twins(part: _Part, other: _Part, threshold: float) -> pd.DataFrame:
    images, own = np.arange(len(part.member)), other is part
    twins, identical = part.nearest_before() if own else part.nearest_in(other)
    apart = _distances(part.pictures, part.member, other.pictures, other.member[twins])
    rows = {"split": part.name, "image": images, "split of twin": other.name, "twin": twins,
            "distance": apart, "identical": identical}  # fmt: skip
    none_before = (images == 0) & own
    return pd.DataFrame(rows)[(apart <= threshold) & ~none_before]


def _nearest_before(pictures: Tensor) -> np.ndarray:
    """The position of the nearest among the pictures before each; of the first, its own."""
    found = []
    for start in range(0, len(pictures), ROWS):
        (apart,) = _squared_distances(pictures[start : start + ROWS], pictures[: start + ROWS])
        rows, columns = map(torch.arange, apart.shape)
        found.append(apart.masked_fill_(columns >= start + rows[:, None], torch.inf).argmin(1))
    return torch.cat(found).numpy()


def _distances(first: Tensor, rows, second: Tensor, others) -> np.ndarray:
    """Between pairs of pictures, exactly, in grey levels; not all pairs at once."""
    blocks = zip(*(torch.from_numpy(places).split(ROWS) for places in (rows, others)), strict=True)
    apart = [(first[one] - second[two]).square().mean(1).sqrt() for one, two in blocks]
    return torch.cat(apart).numpy()
