"""The usual resizers, and their matrices.

Every one of them is linear: a small image is `down @ image @ across.T`. The matrices are read
off the real library, which resizes an identity matrix, and off the reader of this course itself.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from utils.data.reader import read_images
from utils.data.split import Split
from utils.files import to_pillow

OPENCV = {
    "nearest": cv2.INTER_NEAREST,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
    "area": cv2.INTER_AREA,
}
PILLOW = {  # all but the first read every pixel: they are anti-aliased
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "area": Image.Resampling.BOX,
}
TORCH = {
    "nearest": {"mode": "nearest"},
    "bilinear": {"mode": "bilinear"},
    "bicubic": {"mode": "bicubic"},
    "bilinear, anti-aliased": {"mode": "bilinear", "antialias": True},
    "bicubic, anti-aliased": {"mode": "bicubic", "antialias": True},
    "area": {"mode": "area"},
}
Size = tuple[int, int]  # height, width
GREY, BRIGHTER = 100, 120  # grey levels of a plain image, and of a line that is brighter


@dataclass(frozen=True)
class Resizer:
    """One kernel of one library: images (uint8) in, smaller images (uint8) out."""

    library: str = "opencv"
    kernel: str = "bilinear"

    def __post_init__(self):
        if self.library not in LIBRARIES:
            raise ValueError(
                f"unknown library {self.library!r}; choose from {', '.join(LIBRARIES)}"
            )
        known = LIBRARIES[self.library][0]
        if self.kernel not in known:
            raise ValueError(
                f"{self.library} has no {self.kernel!r}; choose from {', '.join(known)}"
            )

    def __call__(self, images: Tensor, size: Size) -> Tensor:
        settings, resize = LIBRARIES[self.library]
        return resize(images, size, settings[self.kernel])

    def matrix(self, before: int, after: int) -> Tensor:
        """The weight of each of `before` pixels in each of `after` (after, before)."""
        return _matrix(self, before, after).clone()  # the cache must not be written to

    def __str__(self) -> str:
        return f"{self.library} {self.kernel}"


def _by_opencv(images: Tensor, size: Size, kernel: int) -> Tensor:
    return _plane_by_plane(
        images, size, lambda plane: cv2.resize(plane, size[::-1], interpolation=kernel)
    )


def _by_pillow(images: Tensor, size: Size, kernel: Image.Resampling) -> Tensor:
    return _plane_by_plane(
        images, size, lambda plane: np.array(Image.fromarray(plane).resize(size[::-1], kernel))
    )


def _plane_by_plane(images: Tensor, size: Size, resize) -> Tensor:
    small = images.new_empty(*images.shape[:2], *size)
    for before, after in zip(images.flatten(0, 1), small.flatten(0, 1), strict=True):
        after[:] = torch.from_numpy(resize(before.numpy()))
    return small


def _by_torch(images: Tensor, size: Size, kernel: dict) -> Tensor:
    small = F.interpolate(images.float(), size, **kernel)
    if images.dtype == torch.uint8:
        return small.round().clamp(0, 255).to(torch.uint8)
    return small


LIBRARIES = {
    "opencv": (OPENCV, _by_opencv),
    "pillow": (PILLOW, _by_pillow),
    "torch": (TORCH, _by_torch),
}
RESIZERS = tuple(
    Resizer(library, kernel) for library, (known, _) in LIBRARIES.items() for kernel in known
)


def resizer_named(name: str) -> Resizer:
    """The resizer that prints as this, such as "opencv bilinear"."""
    known = {str(resizer): resizer for resizer in RESIZERS}
    if name not in known:
        raise ValueError(f"unknown resizer {name!r}; choose from {'; '.join(known)}")
    return known[name]


@lru_cache(maxsize=64)
def _matrix(resizer: Resizer, before: int, after: int) -> Tensor:
    """Each column of the identity is an image of a single bright row."""
    if after > before:
        raise ValueError(
            f"{before} pixels cannot hide {after}: it would be enlarged; take a smaller one"
        )
    matrix = resizer(torch.eye(before)[None, None], (after, before))[0, 0].double()
    return torch.where(matrix.abs() < 1e-6, 0.0, matrix)


@dataclass(frozen=True)
class CourseReader:
    """How this course itself reads a file and shrinks it to a square, as a resizer.

    A large JPEG is unpacked at a half, a quarter or an eighth of its size; every file is reduced
    by whole steps before the last kernel. Both are linear, but for rounding.
    """

    kind: str = "PNG"  # or "JPEG", of the best quality

    def __call__(self, images: Tensor, size: Size) -> Tensor:
        with TemporaryDirectory() as folder:
            files = [Path(folder, f"{number}.{self.kind.lower()}") for number in range(len(images))]
            for image, file in zip(images, files, strict=True):
                to_pillow(image).save(file, self.kind, quality=100, subsampling=0)
            return read_images(files, size[0], images.shape[1]).images

    def matrix(self, before: int, after: int) -> Tensor:
        """The weight of each line, read off plain files in which it alone is brighter."""
        lines = torch.full((before, 1, before, before), GREY, dtype=torch.uint8)
        lines[torch.arange(before), 0, torch.arange(before)] = GREY + BRIGHTER
        small = self(lines, (after, after)).double().mean((1, 3)) - GREY
        return (small / small.sum(0)).T

    def __str__(self) -> str:
        return f"this course, {self.kind}"


def downscale(split: Split, resizer: Resizer, size: int) -> Split:
    """Large images as a pipeline shrinks them, without the masks."""
    return replace(split, images=resizer(split.images, (size, size)), masks=None)
