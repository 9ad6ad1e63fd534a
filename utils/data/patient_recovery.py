"""Patients recovered from their pictures, where nobody wrote down whose they are.

Two slices of one head are nearer to each other than to any stranger's. How near depends on
the scanner, on the organ and on how many there are, so a distance is measured in units of that
to strangers. Images below a limit are linked, and whatever hangs together is a patient. The
limit is where links are rarest: between those within patients and those between them.

All pairs are compared, so the time grows with the square of the images: on one slow core 17
seconds for 11,519, one minute for 30,000, eight (and 5 GiB) for 100,000. Beyond, put an
approximate search, such as that of the libraries hnswlib or faiss, in the place of `nearest`;
what follows only reads its lists. Turns of more than some degrees are not forgiven: then
patients are torn apart.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from torch import Tensor

from utils.data.duplicates import SIDE, nearest, small_grey

NEIGHBOURS = 50  # looked at for each image, or half of all: most of them should be strangers
FARTHEST = 10  # the farthest of these neighbours stand for strangers
SMOOTHING = 0.7  # pixels of 32: the motions below are straight lines only for smooth pictures
LIMITS = np.linspace(0.45, 0.75, 61)  # of the distance to strangers; one of these is chosen
WIDTH = 0.05  # a limit is the better the fewer links lie so near to it
BLOCK = 256  # images whose motions are computed at a time


@dataclass(frozen=True)
class Links:
    """How near each image is to its neighbours, in units of the distance to strangers.

    `neighbours` and `ratios` (n, k); an image is no neighbour of its own (infinity).
    """

    neighbours: np.ndarray
    ratios: np.ndarray

    def between(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every link there is: from, to, ratio."""
        count, each = self.ratios.shape
        told = np.isfinite(self.ratios).ravel()
        sources = np.repeat(np.arange(count), each)[told]
        return sources, self.neighbours.ravel()[told], self.ratios.ravel()[told]


@dataclass(frozen=True)
class RecoveredPatients:
    """A patient's number for each image, and how sure each patient is.

    `margins` has a value per patient: how far, in units of the distance to strangers, the limit
    could be moved either way before he loses an image or is taken together with somebody.
    """

    groups: Tensor
    margins: np.ndarray
    limit: float
    tree: np.ndarray  # the ratios of the links that tie everybody together, for a picture

    @property
    def sizes(self) -> np.ndarray:
        return np.bincount(self.groups)

    @property
    def sureness(self) -> Tensor:
        """The margin of the patient of each image."""
        return torch.from_numpy(self.margins)[self.groups]

    def of_size(self, known: int) -> int:
        """How many patients have as many images as they are known to have."""
        return int((self.sizes == known).sum())


def recover_patients(
    images: Tensor, largest: int = 0, limit: float | None = None
) -> RecoveredPatients:
    """Who belongs together, from pixels alone.

    `largest` is the number of images that a patient has at most, where that is known: no link
    may make more of one. 0 means unknown. `limit` overrides the choice of the limit.
    """
    if not len(images):
        return RecoveredPatients(torch.empty(0, dtype=torch.long), np.empty(0), np.nan, np.empty(0))
    return link_patients(patient_links(images), largest, limit)


def link_patients(links: Links, largest: int = 0, limit: float | None = None) -> RecoveredPatients:
    """The same from links that are known already."""
    first, second, ratios = _tree(links)
    limit = lowest_density_threshold(ratios) if limit is None else limit
    kept = ratios < limit
    if largest:
        kept[kept] = _within(first[kept], second[kept], len(links.ratios), largest)
    groups = _together(first[kept], second[kept], len(links.ratios))
    inner = np.zeros(groups.max() + 1)
    np.maximum.at(inner, groups[first[kept]], ratios[kept])
    margins = np.minimum(limit - inner, _outer(links, groups) - limit)
    return RecoveredPatients(torch.from_numpy(groups).long(), margins, float(limit), ratios)


def patient_links(images: Tensor) -> Links:
    """The neighbours of each image, and how near they are when small motions are forgiven."""
    pictures = normalise_exposure(images)
    looked_at = min(NEIGHBOURS, len(images) // 2)
    _, neighbours = nearest(pictures, pictures, looked_at + 1)
    apart = torch.cat(
        [
            tangent_distances(pictures[rows], pictures[neighbours[rows]])
            for rows in torch.arange(len(images)).split(BLOCK)
        ]
    )
    strangers = apart.topk(min(FARTHEST, apart.shape[1])).values.mean(1).clamp(min=1e-6)
    ratios = apart / (strangers[:, None] * strangers[neighbours]).sqrt()
    ratios[neighbours == torch.arange(len(images))[:, None]] = torch.inf
    return Links(neighbours.numpy(), ratios.numpy())


def normalise_exposure(images: Tensor) -> Tensor:
    """Small, smooth pictures (n, 1024) of mean 0 and deviation 1: the exposure is forgotten."""
    reach = torch.arange(-2, 3) / SMOOTHING
    kernel = torch.exp(-reach.square() / 2)
    kernel = (kernel[:, None] * kernel / kernel.sum() ** 2)[None, None]
    pictures = F.pad(small_grey(images).view(-1, 1, SIDE, SIDE), (2, 2, 2, 2), mode="replicate")
    smooth = F.conv2d(pictures, kernel).flatten(1)
    smooth = smooth - smooth.mean(1, keepdim=True)
    return smooth / smooth.std(1, keepdim=True).clamp(min=1e-6)


def tangent_distances(pictures: Tensor, others: Tensor) -> Tensor:
    """Root mean square difference of each picture to its others (n, k, 1024), less what a small
    shift, turn, zoom or change of exposure explains (Simard 1993)."""
    differences = others - pictures[:, None]
    explained = (differences @ _motions(pictures)).square().sum(2)
    left = differences.square().sum(2) - explained
    return (left.clamp(min=0) / pictures.shape[1]).sqrt()


def _motions(pictures: Tensor) -> Tensor:
    """Orthonormal directions (n, 1024, 6) in which a picture changes when it moves a little."""
    down, right = torch.gradient(pictures.view(-1, SIDE, SIDE), dim=(1, 2))
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, SIDE)] * 2, indexing="ij")
    moved = (right, down, x * down - y * right, x * right + y * down)
    exposed = (torch.ones_like(pictures), pictures)
    changes = [change.flatten(1) for change in (*moved, *exposed)]
    return torch.linalg.qr(torch.stack(changes, 2))[0]


def lowest_density_threshold(ratios: np.ndarray) -> float:
    """The limit near which the fewest of these links lie; of several the middle one."""
    near = (np.abs(ratios[:, None] - LIMITS) < WIDTH).sum(0) if len(ratios) else 0 * LIMITS
    return float(np.median(LIMITS[near == near.min()]))


def exactly_recovered(found: Tensor, truth: Tensor) -> np.ndarray:
    """For each recovered patient whether he is one true patient, with all his images."""
    pairs = np.unique(np.stack([np.asarray(found), np.asarray(truth)]), axis=1)
    owners, torn = np.bincount(pairs[0]), np.bincount(pairs[1])
    right = np.zeros(len(owners), dtype=bool)
    right[pairs[0]] = (owners[pairs[0]] == 1) & (torn[pairs[1]] == 1)
    return right


def _tree(links: Links) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The shortest links that tie together whatever can be: from, to, ratio, shortest first."""
    first, second, ratios = links.between()
    shape = (len(links.ratios),) * 2
    lengths = np.maximum(ratios.astype(float), 1e-6)  # a link of length 0 would be none
    tree = minimum_spanning_tree(coo_matrix((lengths, (first, second)), shape=shape)).tocoo()
    order = np.argsort(tree.data, kind="stable")
    return tree.row[order], tree.col[order], tree.data[order]


def _together(first: np.ndarray, second: np.ndarray, count: int) -> np.ndarray:
    joined = coo_matrix((np.ones(len(first)), (first, second)), shape=(count, count))
    return connected_components(joined, directed=False)[1]


def _within(first: np.ndarray, second: np.ndarray, count: int, largest: int) -> np.ndarray:
    """Which links may stay, taken one by one, if nobody may have more than `largest` images."""
    head, sizes = np.arange(count), np.ones(count, dtype=int)

    def head_of(image: int) -> int:
        while head[image] != image:
            head[image] = image = head[head[image]]
        return image

    stays = np.zeros(len(first), dtype=bool)
    for number, pair in enumerate(zip(first, second, strict=True)):
        a, b = map(head_of, pair)
        if a != b and sizes[a] + sizes[b] <= largest:
            head[b], stays[number] = a, True
            sizes[a] += sizes[b]
    return stays


def _outer(links: Links, groups: np.ndarray) -> np.ndarray:
    """How near the nearest stranger comes to each patient; 1 where nobody comes near."""
    nearest_stranger = np.ones(groups.max() + 1)
    first, second, ratios = links.between()
    strange = groups[first] != groups[second]
    for side in (first, second):
        np.minimum.at(nearest_stranger, groups[side[strange]], ratios[strange])
    return nearest_stranger
