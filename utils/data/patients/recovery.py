"""Patient groups recovered from pixels, where no patient identifiers are known.

Two slices of one head are closer to each other than to slices of other patients. How close depends
on the scanner, the organ and the number of images, so distances are relative to the distance to
other patients. Images closer than a threshold are linked, and each connected component is a
patient. The threshold lies where links are rarest: between those within and those across patients.
On X-rays and single cells there is no such valley: `has_valley` says whether pixels show patients.

All pairs are compared, so time grows with the square of the number of images. Among many images
the neighbours are sought in the first principal components and in near cells only; the distances
to them are exact. `tests/benchmarks/patients.py` measures seconds and memory.
Rotations of more than a few degrees are not compensated: they split a patient into several groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from utils.data.components import linked_groups
from utils.data.patients import links as on_arrays
from utils.data.patients.links import Links, patient_links

if TYPE_CHECKING:  # an audit recovers patients without it
    from torch import Tensor

THRESHOLDS = np.linspace(0.45, 0.75, 61)  # candidates, relative to the distance to other patients
WIDTH = 0.05  # the best threshold has the fewest links within this distance
COPIED = 0.1  # links shorter than this join copies, which tell nothing about patients


@dataclass(frozen=True)
class RecoveredPatients:
    """A patient number for each image, and the margin of each patient.

    `margins` has one value per patient: how far the threshold could move either way before the
    patient loses an image or is merged with another one.
    """

    members: np.ndarray
    margins: np.ndarray
    threshold: float
    tree: np.ndarray  # the ratios of the links of the minimum spanning tree, for a figure

    @cached_property
    def groups(self) -> Tensor:
        """The patient numbers as a tensor."""
        import torch

        return torch.from_numpy(self.members).long()

    @property
    def sizes(self) -> np.ndarray:
        return np.bincount(self.members)

    @property
    def has_valley(self) -> bool:
        """Whether links are rare at the threshold and frequent on either side of it.

        Without it, nothing says that images closer than the threshold are one patient: either no
        patient has two images that look alike, or other patients look as much alike.
        """
        return has_valley(self.tree, self.threshold)


def recover_patients(images: Tensor, threshold: float | None = None) -> RecoveredPatients:
    """Which images belong to one patient, from pixels alone.

    `threshold` overrides the choice of the threshold.
    """
    if not len(images):
        return RecoveredPatients(np.empty(0, int), np.empty(0), np.nan, np.empty(0))
    return link_patients(patient_links(images), threshold)


def link_patients(found: Links, threshold: float | None = None) -> RecoveredPatients:
    """The same from links that are known already."""
    first, second, ratios = _spanning_tree(found)
    threshold = lowest_density_threshold(ratios) if threshold is None else threshold
    kept = ratios < threshold
    groups = linked_groups(first[kept], second[kept], len(found.ratios))
    farthest_inside = np.zeros(groups.max() + 1)
    np.maximum.at(farthest_inside, groups[first[kept]], ratios[kept])
    margins = np.minimum(threshold - farthest_inside, _nearest_outside(found, groups) - threshold)
    return RecoveredPatients(groups, margins, float(threshold), ratios)


def normalise_exposure(images: Tensor) -> Tensor:
    """Small, smooth images (n, 1024) of mean 0 and deviation 1, independent of exposure."""
    import torch

    return torch.from_numpy(on_arrays.normalised(images.numpy()))


def tangent_distances(pictures: Tensor, others: Tensor) -> Tensor:
    """Root mean square difference of each image to its others (n, k, 1024), minus what a small
    shift, rotation, zoom or change of exposure explains (Simard 1993)."""
    import torch

    return torch.from_numpy(on_arrays.tangent_distances(pictures.numpy(), others.numpy()))


def lowest_density_threshold(ratios: np.ndarray) -> float:
    """The threshold with the fewest links close to it; of several the median."""
    if not len(ratios):
        return float(np.median(THRESHOLDS))
    density = (np.abs(ratios[:, None] - THRESHOLDS) < WIDTH).sum(0)
    return float(np.median(THRESHOLDS[density == density.min()]))


def has_valley(ratios: np.ndarray, threshold: float) -> bool:
    """Whether the density of links falls to less than half at the threshold, and below it by more
    than chance would (three standard deviations)."""
    links = np.sort(ratios[ratios >= COPIED])
    shorter = _density(links, np.arange(COPIED + WIDTH, threshold, 0.01)).max(initial=0)
    longer = _density(links, np.arange(threshold, 2, 0.01)).max(initial=0)
    (here,) = _density(links, np.array([threshold]))
    by_chance = 3 * np.sqrt(shorter + here)
    return bool(2 * here < min(shorter, longer) and shorter - here > by_chance)


def _density(links: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The number of sorted links within `WIDTH` of each place."""
    return np.searchsorted(links, places + WIDTH) - np.searchsorted(links, places - WIDTH)


def exactly_recovered(found: Tensor, truth: Tensor) -> np.ndarray:
    """For each recovered patient: whether it is one true patient with all of its images."""
    pairs = np.unique(np.stack([np.asarray(found), np.asarray(truth)]), axis=1)
    merged, split = np.bincount(pairs[0]), np.bincount(pairs[1])
    exact = np.zeros(len(merged), dtype=bool)
    exact[pairs[0]] = (merged[pairs[0]] == 1) & (split[pairs[1]] == 1)
    return exact


def _spanning_tree(links: Links) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The minimum spanning tree: from, to, ratio, shortest links first."""
    first, second, ratios = links.edges()
    shape = (len(links.ratios),) * 2
    lengths = np.maximum(ratios.astype(float), 1e-6)  # scipy takes a length of 0 for no link
    tree = minimum_spanning_tree(coo_matrix((lengths, (first, second)), shape=shape)).tocoo()
    order = np.argsort(tree.data, kind="stable")
    return tree.row[order], tree.col[order], tree.data[order]


def _nearest_outside(links: Links, groups: np.ndarray) -> np.ndarray:
    """The ratio to the nearest image of another patient; 1 where none is close."""
    closest = np.ones(groups.max() + 1)
    first, second, ratios = links.edges()
    across = groups[first] != groups[second]
    for side in (first, second):
        np.minimum.at(closest, groups[side[across]], ratios[across])
    return closest
