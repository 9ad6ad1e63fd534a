"""How far each image is from its neighbours, relative to the distance to other patients.

Images are compared after a small motion and a change of exposure are compensated. All of this is
arithmetic on arrays, so that an audit need not load torch; only among very many images the
neighbours are sought with it, in the first principal components and in near cells.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from utils.data.neighbours import ROWS, SIDE, grey_squares, nearest_places

NEIGHBOURS = 50  # per image, or half of all images: most should show other patients
FARTHEST = 10  # the farthest of these neighbours represent other patients
SMOOTHING = 0.7  # pixels of 32: small motions are linear only in smooth images
REACH = 2  # pixels over which an image is smoothed, on either side
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


def patient_links(images) -> Links:
    """The neighbours of each image of an array or tensor, and their distances."""
    pictures = normalised(np.asarray(images))
    count = min(NEIGHBOURS, len(pictures) // 2)
    neighbours = _neighbours(pictures, count + 1)

    def from_neighbours(start: int) -> np.ndarray:
        rows = slice(start, start + BLOCK)
        return tangent_distances(pictures[rows], pictures[neighbours[rows]])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        apart = np.concatenate([*pool.map(from_neighbours, range(0, len(pictures), BLOCK))])
    farthest = min(FARTHEST, apart.shape[1])
    usual = np.partition(apart, -farthest, axis=1)[:, -farthest:].mean(1).clip(1e-6)
    ratios = apart / np.sqrt(usual[:, None] * usual[neighbours])
    ratios[neighbours == np.arange(len(pictures))[:, None]] = np.inf
    return Links(neighbours, ratios)


def _neighbours(pictures: np.ndarray, count: int) -> np.ndarray:
    """The places of the nearest images of each, itself among them."""
    if len(pictures) <= MANY:
        return nearest_places(pictures, count)
    import torch

    from utils.data.duplicates import nearest_in_cells

    every = torch.from_numpy(pictures)
    some = every[:: len(every) // MANY]
    components = torch.linalg.eigh(torch.cov(some.T))[1][:, -COMPONENTS:]
    return nearest_in_cells(every @ components, count).numpy()


def normalised(pixels: np.ndarray) -> np.ndarray:
    """Small, smooth images (n, 1024) of mean 0 and deviation 1, independent of exposure."""
    smoothing = _smoothing()
    found = np.empty((len(pixels), SIDE**2), np.float32)
    for start in range(0, len(pixels), ROWS):
        squares = grey_squares(pixels[start : start + ROWS]).reshape(-1, SIDE, SIDE)
        smooth = (smoothing @ squares @ smoothing.T).reshape(len(squares), -1)
        smooth -= smooth.mean(1, keepdims=True)
        # One patient may be exposed twice: brightness and contrast are those of the device.
        smooth /= smooth.std(1, ddof=1, keepdims=True).clip(1e-6)
        found[start : start + ROWS] = smooth
    return found


def _smoothing() -> np.ndarray:
    """How much each pixel of a row counts in each smooth one: (SIDE, SIDE).

    Beyond the border its pixels go on: zeros would look like a dark frame, and darker the brighter
    the exposure.
    """
    steps = np.arange(-REACH, REACH + 1)
    weights = np.exp(-np.square(steps / SMOOTHING) / 2)
    matrix = np.zeros((SIDE, SIDE))
    for row in range(SIDE):
        np.add.at(matrix[row], (row + steps).clip(0, SIDE - 1), weights / weights.sum())
    return matrix.astype(np.float32)


def tangent_distances(pictures: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Root mean square difference of each image to its others (n, k, 1024), minus what a small
    shift, rotation, zoom or change of exposure explains (Simard 1993)."""
    differences = others - pictures[:, None]
    explained = np.square(differences @ _motions(pictures)).sum(2)
    unexplained = np.einsum("nkp,nkp->nk", differences, differences) - explained
    return np.sqrt(unexplained.clip(0) / pictures.shape[1])


def _motions(pictures: np.ndarray) -> np.ndarray:
    """Orthonormal directions (n, 1024, 6) in which an image changes when it moves a little."""
    squares = pictures.reshape(-1, SIDE, SIDE)
    down, right = np.gradient(squares, axis=(1, 2))
    y, x = np.meshgrid(*[np.linspace(-1, 1, SIDE, dtype=pictures.dtype)] * 2, indexing="ij")
    moved = (right, down, x * down - y * right, x * right + y * down)
    changes = np.stack([*moved, np.ones_like(squares), squares], 3)
    return np.linalg.qr(changes.reshape(*pictures.shape, -1))[0]
