"""Grey levels of more than 8 bits become shares of white, in a window that is named."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from utils.data.formats.reading import FULL, Reading, Unreadable

SAMPLE = 4_000_000  # pixels of a file that decide about percentiles
AS_STORED = "8 bits as stored"
Range = tuple[float, float]


@dataclass(frozen=True)
class Frames:
    """The images of one file, one after the other, and where their grey levels come from.

    An image is one of Pillow with 8 bits, or an array: uint8, or with 16 bits wanted float32
    shares of white (height, width) or (height, width, 3).
    """

    count: int
    images: Iterable[Image.Image | np.ndarray]
    levels: str = AS_STORED


@dataclass(frozen=True)
class DeepImage:
    """Grey levels of more than 8 bits; `cover` is 0 where the file holds no image, else 1.

    Padding and transparent parts have no say in the window, and become black.
    """

    levels: np.ndarray
    cover: np.ndarray | None = None
    inverted: bool = False

    @property
    def pixels(self) -> np.ndarray:
        """The levels of the image itself, in a row."""
        inside = self.levels.ravel() if self.cover is None else self.levels[self.cover > 0]
        if inside.dtype.kind == "f" and not np.isfinite(inside).all():
            raise Unreadable("holds NaN or infinite values")
        return inside

    def in_window(self, low: float, high: float, depth: int) -> np.ndarray:
        """uint8 for 8 bits, else shares: `low` and less is black, `high` and more is white."""
        if self.levels.dtype.kind == "f":
            _ = self.pixels  # refuses what is no number
        levels = self.levels.astype(np.float32)
        share = (levels - low) / max(high - low, np.finfo(np.float32).tiny)
        share = share.clip(0, 1)
        if depth > 8:
            return self._covered(1 - share if self.inverted else share)
        grey = np.rint(255 * share).astype(np.uint8)
        grey = 255 - grey if self.inverted else grey
        return np.rint(self._covered(grey)).astype(np.uint8)

    def _covered(self, image: np.ndarray) -> np.ndarray:
        if self.cover is None:
            return image
        return np.where(self.cover > 0, image * self.cover, 0).astype(np.float32)


def deep_frames(
    count: int,
    images: Callable[[], Iterator[DeepImage]],
    reading: Reading,
    full: Callable[[], Range],
) -> Frames:
    """All images of a file in one window; `full` gives the range that the file can hold.

    `images` starts anew at every call: they are gone through once for the window, so that those
    of a volume need not be in memory together.
    """
    low, high, name = window(count, images, reading, full)
    shown = (image.in_window(low, high, reading.depth) for image in images())
    return Frames(count, shown, f"{name}: {low:g} to {high:g}")


def window(count: int, images, reading: Reading, full: Callable[[], Range]):
    """The darkest and the brightest level of a window, and its name."""
    if reading.window == FULL:
        return *full(), "full range"
    if reading.percent:
        return *np.percentile(_sample(count, images()), reading.bounds).tolist(), "percentiles"
    if reading.bounds:
        return *reading.bounds, "chosen window"
    ends = [(pixels.min(), pixels.max()) for pixels in _pixels(images())]
    lows, highs = zip(*ends or [(0, 1)], strict=True)
    return np.float32(min(lows)), np.float32(max(highs)), "darkest to brightest pixel"


def range_of(kind: np.dtype) -> Range:
    """What numbers of this type can be."""
    if kind.kind == "f":
        raise Unreadable("holds fractions, which have no full range; choose another window")
    return float(np.iinfo(kind).min), float(np.iinfo(kind).max)


def _sample(count: int, images: Iterator[DeepImage]) -> np.ndarray:
    """So many pixels that percentiles are exact for one image, and nearly so for a volume."""
    each = max(1, SAMPLE // count)
    parts = [pixels[:: max(1, len(pixels) // each)] for pixels in _pixels(images)]
    return np.concatenate(parts) if parts else np.zeros(1)


def _pixels(images: Iterator[DeepImage]) -> Iterator[np.ndarray]:
    return (pixels for pixels in (image.pixels for image in images) if len(pixels))
