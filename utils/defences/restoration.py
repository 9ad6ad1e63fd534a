"""Restoration: large images are filtered before they are shrunk, against image scaling.

`SelectiveFilter` knows the pipeline's resizer and replaces only the pixels that it reads, from
those that it does not read (Quiring 2020). `GlobalFilter` changes the whole image.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from skimage.filters import unsharp_mask
from torch import Generator, Tensor

from utils.contamination.resizers import Resizer, Size
from utils.data.formats.depth import same_bits

BATCH_ROWS = 64  # rows at a time: the windows around their pixels take memory


@dataclass(frozen=True)
class SelectiveFilter:
    """Replaces each pixel that the resizer reads by the median of those around that it does not.

    With `at_random` by one of them instead; where the resizer reads all around, all of them count.
    """

    resizer: Resizer
    size: Size  # of the small image
    at_random: bool = False
    reach: float = 1.0  # width of the window around it, in pixels of the small image
    seed: int = 0

    def __call__(self, images: Tensor) -> Tensor:
        rows, columns = (
            (self.resizer.matrix(*pair) != 0).any(0).nonzero()[:, 0]
            for pair in zip(images.shape[2:], self.size, strict=True)
        )
        unread, inside = torch.ones(2, *images.shape[2:])
        unread[rows[:, None], columns] = 0
        restored, rng = images.clone(), Generator().manual_seed(self.seed)
        for some in rows.split(BATCH_ROWS):
            free = self._around(unread, some, columns) > 0
            none = ~free.any(1, keepdim=True)
            free |= none & (self._around(inside, some, columns) > 0)
            for before, after in zip(images.flatten(0, 1), restored.flatten(0, 1), strict=True):
                values = self._replace(self._around(before.float(), some, columns), free, rng)
                levels = values.view(len(some), -1).to(images.dtype)
                same_bits(after)[some[:, None], columns] = same_bits(levels)
        return restored

    def _replace(self, around: Tensor, free: Tensor, rng: Generator) -> Tensor:
        return _at_random(around, free, rng) if self.at_random else _median(around, free)

    def _around(self, image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """The window around each of these pixels, one row each; 0 beyond the image."""
        up, left = (
            max(1, round(self.reach * large / small / 2))
            for large, small in zip(image.shape, self.size, strict=True)
        )
        padded = torch.nn.functional.pad(image, (left, left, up, up))
        windows = padded.unfold(0, 2 * up + 1, 1).unfold(1, 2 * left + 1, 1)
        return windows[rows[:, None], columns].flatten(0, 1).flatten(1)


def _median(values: Tensor, free: Tensor) -> Tensor:
    """Of the free values in each row; for an even number, the lower of the middle two."""
    ordered = np.sort(values.masked_fill(~free, torch.inf).numpy(), 1)  # quicker than torch's
    middle = (free.sum(1, keepdim=True) - 1) // 2
    return torch.from_numpy(ordered).gather(1, middle)[:, 0]


def _at_random(values: Tensor, free: Tensor, rng: Generator) -> Tensor:
    draw = torch.rand(values.shape, generator=rng).masked_fill(~free, -1)
    return values.gather(1, draw.argmax(1, keepdim=True))[:, 0]


@dataclass(frozen=True)
class GlobalFilter:
    """The same filter at every pixel, for any resizer."""

    kind: str = "median"
    window: int = 3  # pixels, odd

    def __post_init__(self):
        if self.kind not in FILTERS:
            raise ValueError(f"unknown filter {self.kind!r}; choose from {', '.join(FILTERS)}")
        if self.window < 3 or self.window % 2 == 0:
            raise ValueError(f"window must be 3, 5, 7 or another odd number; got {self.window}")

    def __call__(self, images: Tensor) -> Tensor:
        planes = images.flatten(0, 1).numpy()
        filtered = np.stack([FILTERS[self.kind](plane, self.window) for plane in planes])
        return torch.from_numpy(filtered).view_as(images)


def _minimum(plane: np.ndarray, window: int) -> np.ndarray:
    return cv2.erode(plane, np.ones((window, window), np.uint8))


def _peak(plane: np.ndarray, window: int) -> np.ndarray:
    return cv2.dilate(plane, np.ones((window, window), np.uint8))


def _unsharp(plane: np.ndarray, window: int) -> np.ndarray:
    sharp = unsharp_mask(plane, radius=window / 2, preserve_range=True)
    return sharp.clip(0, np.iinfo(plane.dtype).max).round().astype(plane.dtype)


FILTERS = {"median": cv2.medianBlur, "minimum": _minimum, "peak": _peak, "unsharp": _unsharp}
