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

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree
from torch import Tensor

from utils.data.components import linked_groups
from utils.data.duplicates import ROWS, SIDE, nearest, nearest_in_cells, small_grey

NEIGHBOURS = 50  # per image, or half of all images: most should show other patients
FARTHEST = 10  # the farthest of these neighbours represent other patients
SMOOTHING = 0.7  # pixels of 32: small motions are linear only in smooth images
THRESHOLDS = np.linspace(0.45, 0.75, 61)  # candidates, relative to the distance to other patients
WIDTH = 0.05  # the best threshold has the fewest links within this distance
COPIED = 0.1  # links shorter than this join copies, which tell nothing about patients
MANY = 20_000  # images: above, their neighbours are sought in few components and near cells
COMPONENTS = 128  # smooth small images differ in few directions
BLOCK = 16  # images compared with their neighbours at a time: they fit the cache of a core


@dataclass(frozen=True)
class Links:
    """The distance of each image to its neighbours, relative to the distance to other patients.

    `neighbours` and `ratios` (n, k); the ratio of an image to itself is infinite.
    """

    neighbours: np.ndarray
    ratios: np.ndarray

    def edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All links as three columns: from, to, ratio."""
        count, each = self.ratios.shape
        finite = np.isfinite(self.ratios).ravel()
        sources = np.repeat(np.arange(count), each)[finite]
        return sources, self.neighbours.ravel()[finite], self.ratios.ravel()[finite]


@dataclass(frozen=True)
class RecoveredPatients:
    """A patient number for each image, and the margin of each patient.

    `margins` has one value per patient: how far the threshold could move either way before the
    patient loses an image or is merged with another one.
    """

    groups: Tensor
    margins: np.ndarray
    threshold: float
    tree: np.ndarray  # the ratios of the links of the minimum spanning tree, for a figure

    @property
    def sizes(self) -> np.ndarray:
        return np.bincount(self.groups)

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
        return RecoveredPatients(torch.empty(0, dtype=torch.long), np.empty(0), np.nan, np.empty(0))
    return link_patients(patient_links(images), threshold)


def link_patients(links: Links, threshold: float | None = None) -> RecoveredPatients:
    """The same from links that are known already."""
    first, second, ratios = _spanning_tree(links)
    threshold = lowest_density_threshold(ratios) if threshold is None else threshold
    kept = ratios < threshold
    groups = linked_groups(first[kept], second[kept], len(links.ratios))
    farthest_inside = np.zeros(groups.max() + 1)
    np.maximum.at(farthest_inside, groups[first[kept]], ratios[kept])
    margins = np.minimum(threshold - farthest_inside, _nearest_outside(links, groups) - threshold)
    return RecoveredPatients(torch.from_numpy(groups).long(), margins, float(threshold), ratios)


def patient_links(images: Tensor) -> Links:
    """The neighbours of each image, and their distance after small motions are compensated."""
    pictures = normalise_exposure(images)
    count = min(NEIGHBOURS, len(images) // 2)
    neighbours = _neighbours(pictures, count + 1)
    blocks = torch.arange(len(images)).split(BLOCK)
    apart = torch.cat([tangent_distances(pictures[b], pictures[neighbours[b]]) for b in blocks])
    usual = apart.topk(min(FARTHEST, apart.shape[1])).values.mean(1).clamp(min=1e-6)
    ratios = apart / (usual[:, None] * usual[neighbours]).sqrt()
    ratios[neighbours == torch.arange(len(images))[:, None]] = torch.inf
    return Links(neighbours.numpy(), ratios.numpy())


def _neighbours(pictures: Tensor, count: int) -> Tensor:
    """The places of the nearest images of each, itself among them."""
    if len(pictures) <= MANY:
        return nearest(pictures, pictures, count)[1]
    some = pictures[:: len(pictures) // MANY]
    components = torch.linalg.eigh(torch.cov(some.T))[1][:, -COMPONENTS:]
    return nearest_in_cells(pictures @ components, count)


def normalise_exposure(images: Tensor) -> Tensor:
    """Small, smooth images (n, 1024) of mean 0 and deviation 1, independent of exposure."""
    pictures = torch.empty(len(images), SIDE**2)
    for rows in torch.arange(len(images)).split(ROWS):
        pictures[rows] = _normalised(images[rows])
    return pictures


def _normalised(images: Tensor) -> Tensor:
    reach = torch.arange(-2, 3) / SMOOTHING
    kernel = torch.exp(-reach.square() / 2)
    kernel = (kernel[:, None] * kernel / kernel.sum() ** 2)[None, None]
    # A border of zeros would look like a dark frame, and darker the brighter the exposure.
    pictures = F.pad(small_grey(images).view(-1, 1, SIDE, SIDE), (2, 2, 2, 2), mode="replicate")
    smooth = F.conv2d(pictures, kernel).flatten(1)
    smooth = smooth - smooth.mean(1, keepdim=True)
    # One patient may be exposed twice: brightness and contrast are those of the device.
    return smooth / smooth.std(1, keepdim=True).clamp(min=1e-6)


def tangent_distances(pictures: Tensor, others: Tensor) -> Tensor:
    """Root mean square difference of each image to its others (n, k, 1024), minus what a small
    shift, rotation, zoom or change of exposure explains (Simard 1993)."""
    differences = others - pictures[:, None]
    explained = (differences @ _motions(pictures)).square().sum(2)
    unexplained = differences.square().sum(2) - explained
    return (unexplained.clamp(min=0) / pictures.shape[1]).sqrt()


def _motions(pictures: Tensor) -> Tensor:
    """Orthonormal directions (n, 1024, 6) in which an image changes when it moves a little."""
    down, right = torch.gradient(pictures.view(-1, SIDE, SIDE), dim=(1, 2))
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, SIDE)] * 2, indexing="ij")
    moved = (right, down, x * down - y * right, x * right + y * down)
    exposed = (torch.ones_like(pictures), pictures)
    changes = [change.flatten(1) for change in (*moved, *exposed)]
    return torch.linalg.qr(torch.stack(changes, 2))[0]


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
