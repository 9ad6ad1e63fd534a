"""Rows of characters burnt into the pixels: names, dates and numbers that identify a patient."""

import cv2
import numpy as np

from utils.audit.pixels.grey_levels import percentiles

LIMITS = ((40, 80), (60, 100))  # grey levels of a stroke over its surroundings, below the extreme
EXTREMES = (99.95, 0.05)  # percentiles: of bright strokes, and of dark ones
MOST_PARTS = 1500  # of one image; more are texture
FEW_PIXELS = 2**17  # of one image: they have less than 2**16 parts, and shorter numbers are quicker
FEW_BOXES = 200  # of all kinds of strokes: they are compared with each other at once
APART = 9  # heights of the image
LEAST_HEIGHT, MOST_HEIGHT = 5, 1 / 8  # pixels, share of the image
MIN_CHARACTERS = 3  # characters of a text


def longest_row(grey: np.ndarray, counts: np.ndarray) -> int:
    """How many strokes as high as each other stand side by side, on one line; texts have many.

    `counts` are how often each grey level occurs.
    """
    levels = grey.astype(np.float32)
    width = max(11, max(levels.shape) // 14) | 1
    over = levels - cv2.blur(levels, (width, width), borderType=cv2.BORDER_REFLECT)
    brightest, darkest = percentiles(counts, EXTREMES)
    bright = [(over > stroke) & (levels > brightest - below) for stroke, below in LIMITS]
    dark = [(over < -stroke) & (levels < darkest + below) for stroke, below in LIMITS]
    parts = [_parts(strokes) for strokes in bright + dark]
    for kind, each in enumerate(parts):
        each[:, 1] += APART * kind * len(grey)  # so that no row has strokes of two kinds
    boxes = _characters(np.concatenate(parts), len(grey))
    together = [boxes] if len(boxes) <= FEW_BOXES else [_characters(p, len(grey)) for p in parts]
    return max(map(_row_length, together))


def _parts(strokes: np.ndarray) -> np.ndarray:
    """Left, top, width, height and number of pixels of each connected part; none of texture."""
    if np.count_nonzero(strokes) >= MIN_CHARACTERS * LEAST_HEIGHT:
        kind = cv2.CV_16U if strokes.size < FEW_PIXELS else cv2.CV_32S  # of the number of a part
        strokes = strokes.view(np.uint8)
        found = cv2.connectedComponentsWithStats(strokes, connectivity=8, ltype=kind)[2]
        if MIN_CHARACTERS < len(found) <= MOST_PARTS + 1:  # the first is what lies around them
            return found[1:]
    return np.empty((0, 5), np.int32)


def _characters(parts: np.ndarray, rows: int) -> np.ndarray:
    """Left, right, bottom and height of each part that may be a character, from left to right."""
    high = parts[(parts[:, 3] >= LEAST_HEIGHT) & (parts[:, 3] <= MOST_HEIGHT * rows)]
    left, top, width, height, area = high.T.astype(float)
    filled = area / (width * height)
    written = (filled >= 0.2) & ((filled < 0.95) | (width <= 0.4 * height))  # no full squares
    boxes = np.stack([left, left + width, top + height, height], 1)
    boxes = boxes[written & (width <= 1.5 * height)]
    return boxes[np.argsort(boxes[:, 0], kind="stable")]


def _row_length(boxes: np.ndarray) -> int:
    """The number of characters in the longest row of these, which are sorted from left to right."""
    if len(boxes) < 2:
        return len(boxes)
    length = np.ones(len(boxes), int)
    before = np.tril(_neighbours(boxes), -1)
    for number in np.flatnonzero(before.any(1)):  # a row grows from left to right
        length[number] += length[before[number]].max()
    return int(length.max())


def _neighbours(boxes: np.ndarray) -> np.ndarray:
    """For each character (row), which others (column) could stand just before it on its line."""
    left, right, bottom, height = boxes.T[:, None]
    own_left, _, own_bottom, own_height = boxes.T[..., None]
    gap = own_left - right
    level = np.abs(bottom - own_bottom) <= np.maximum(1, 0.12 * own_height)
    alike = np.abs(height - own_height) <= np.maximum(1, 0.15 * own_height)
    return (gap >= -1) & (gap <= 0.9 * own_height) & level & alike
