"""Small grey images, and which of them are alike: on arrays, so that no tensor is needed.

An audit begins with this search, and torch would take longer to load than the search itself.
`utils.data.duplicates` has what needs tensors.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator

import numpy as np

SIDE = 32
ROWS = 128  # compared at a time: their distances to all others are in memory
NEAR = 2.0  # grey levels: a slightly brighter copy is closer, a poor JPEG copy is farther away


def pixel_hashes(images: Iterable) -> list[str]:
    """One hash per image, an array or a tensor; identical images have the same."""
    return [hashlib.sha256(np.asarray(image).tobytes()).hexdigest() for image in images]


def grey_squares(pixels: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Images (n, channels, height, width) as 1,024 grey levels each, averaged over areas, of 8 bits
    whatever the images have: float32 (n, 1024). With `rows`, only these, without a copy of them."""
    rows = np.arange(len(pixels)) if rows is None else rows
    down, across = map(_averages, pixels.shape[2:])
    down = down / 257 if pixels.dtype == np.uint16 else down
    found = np.empty((len(rows), SIDE, SIDE), np.float32)
    for start in range(0, len(rows), ROWS):
        grey = pixels[rows[start : start + ROWS]].mean(1, dtype=np.float32)
        found[start : start + ROWS] = down @ grey @ across.T
    return found.reshape(len(rows), -1)


def _averages(length: int) -> np.ndarray:
    """How much each pixel of a row counts in each of its `SIDE` averages: (SIDE, length)."""
    weights = np.zeros((SIDE, length), np.float32)
    for place in range(SIDE):
        inside = slice(place * length // SIDE, math.ceil((place + 1) * length / SIDE))
        weights[place, inside] = 1 / (inside.stop - inside.start)
    return weights


def near_pairs(squares: np.ndarray, threshold: float = NEAR) -> np.ndarray:
    """Positions (pairs, 2) of images at most `threshold` grey levels apart, lower one first."""
    limit = threshold**2 * SIDE**2
    found = [np.empty((0, 2), int)]
    for start, apart in _squared_distances(squares, later=True):
        # float32 errs by less than one grey level squared; candidates are measured again
        pairs = start + np.argwhere(apart <= limit + SIDE**2)
        pairs = pairs[pairs[:, 0] < pairs[:, 1]]
        for candidates in np.array_split(pairs, 1 + len(pairs) // ROWS):
            exact = np.square(squares[candidates[:, 0]] - squares[candidates[:, 1]]).sum(1)
            found.append(candidates[exact <= limit])
    return np.concatenate(found)


def nearest_places(squares: np.ndarray, count: int) -> np.ndarray:
    """The places (n, count) of the nearest of each, itself among them, nearest first."""
    found = []
    for _, apart in _squared_distances(squares):
        some = np.argpartition(apart, count - 1, axis=1)[:, :count]
        order = np.take_along_axis(apart, some, 1).argsort(axis=1, kind="stable")
        found.append(np.take_along_axis(some, order, 1))
    return np.concatenate(found)


def neighbour_distances(squares: np.ndarray, rank: int) -> np.ndarray:
    """The distance of each image to its neighbour of this rank, in grey levels; the last if there
    are fewer."""
    rank = min(rank, len(squares) - 1)  # the image itself comes first
    nearest = [
        np.partition(apart, rank, axis=1)[:, rank] for _, apart in _squared_distances(squares)
    ]
    return np.sqrt(np.concatenate(nearest).clip(0) / squares.shape[1])


def _squared_distances(
    squares: np.ndarray, later: bool = False
) -> Iterator[tuple[int, np.ndarray]]:
    """The distances of `ROWS` images to all, or only to themselves and `later` ones, and where
    these rows start. Small numbers keep digits for the difference, so the mean is taken away."""
    centre, starts = squares.mean(0), range(0, len(squares), ROWS)
    blocks = (squares[start : start + ROWS] - centre for start in starts)
    lengths = np.concatenate([np.square(block).sum(1) for block in blocks])
    for start in starts:
        block, others = squares[start : start + ROWS] - centre, slice(start if later else 0, None)
        apart = block @ squares[others].T
        apart -= (block @ centre)[:, None]
        apart *= -2
        apart += lengths[others]
        apart += lengths[start : start + ROWS, None]
        yield start, apart
