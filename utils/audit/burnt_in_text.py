"""Rows of characters burnt into the pixels: names, dates and numbers that identify a patient."""

import numpy as np
from scipy import ndimage

LIMITS = ((40, 80), (60, 100))  # grey levels of a stroke over its surroundings, below the extreme
MOST_PARTS = 1500  # of one image; more are texture
LEAST_HEIGHT, MOST_HEIGHT = 5, 1 / 8  # pixels, share of the image
TOUCHING = np.ones((3, 3))


def longest_row(grey: np.ndarray) -> int:
    """How many strokes as high as each other stand side by side, on one line; texts have many."""
    levels = grey.astype(np.float32)
    width = max(11, max(levels.shape) // 14) | 1
    around = ndimage.uniform_filter(levels, width)
    return max(
        _row_length((sign * (levels - around) > stroke) & (sign * levels > top - below))
        for sign in (1, -1)
        for top in [np.percentile(sign * levels, 99.95)]
        for stroke, below in LIMITS
    )


def _row_length(strokes: np.ndarray) -> int:
    parts, count = ndimage.label(strokes, TOUCHING)
    if not 3 <= count <= MOST_PARTS:
        return 0
    boxes = _characters(parts, len(strokes))
    if len(boxes) < 2:
        return len(boxes)
    length = np.ones(len(boxes), int)
    for number, box in enumerate(boxes):
        before = _left_neighbours(boxes[:number], box)
        length[number] += length[:number][before].max(initial=0)
    return int(length.max())


def _characters(parts: np.ndarray, rows: int) -> np.ndarray:
    """Left, right, bottom and height of each part that may be a character, from left to right."""
    areas = np.bincount(parts.ravel())[1:]
    edges = [(x.start, x.stop, y.stop, y.stop - y.start) for y, x in ndimage.find_objects(parts)]
    boxes = np.array(edges, float)
    width, height = boxes[:, 1] - boxes[:, 0], boxes[:, 3]
    filled = areas / (width * height)
    high = (height >= LEAST_HEIGHT) & (height <= MOST_HEIGHT * rows)
    written = (filled >= 0.2) & ((filled < 0.95) | (width <= 0.4 * height))  # no full squares
    boxes = boxes[high & written & (width <= 1.5 * height)]
    return boxes[np.argsort(boxes[:, 0], kind="stable")]


def _left_neighbours(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Which of these characters could stand just before this one on the same line."""
    left, _, bottom, height = box
    gap = left - boxes[:, 1]
    level = np.abs(boxes[:, 2] - bottom) <= max(1, 0.12 * height)
    alike = np.abs(boxes[:, 3] - height) <= max(1, 0.15 * height)
    return (gap >= -1) & (gap <= 0.9 * height) & level & alike
