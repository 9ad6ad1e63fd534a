"""Grey levels of 8 or 16 bits, and numbers in [0, 1]: the type of a tensor says how deep it is."""

import torch
import torch.nn.functional as F
from torch import Tensor

WHITE = {torch.uint8: 255, torch.uint16: 65535}  # the brightest grey level, by type of the images
DTYPES = {8: torch.uint8, 16: torch.uint16}  # by bits


def to_float(images: Tensor) -> Tensor:
    """Grey levels as numbers in [0, 1], the range in which everything else works."""
    return images.float().div_(WHITE[images.dtype])


def to_levels(pixels: Tensor, depth: int) -> Tensor:
    """Numbers in [0, 1] as grey levels of 8 or 16 bits: all that a saved picture can hold."""
    kind = DTYPES[depth]
    return (WHITE[kind] * pixels.clamp(0, 1)).round().to(kind)


def to_uint8(pixels: Tensor) -> Tensor:
    """Numbers in [0, 1] as grey levels of 8 bits."""
    return to_levels(pixels, 8)


def in_depth(images: Tensor, depth: int) -> Tensor:
    """Grey levels in 8 or 16 bits."""
    same = images.dtype == DTYPES[depth]
    return images if same else to_levels(to_float(images), depth)


def same_bits(values: Tensor) -> Tensor:
    """The same memory as a type into which torch can write single rows."""
    return values.view(torch.int16) if values.dtype == torch.uint16 else values


def grey_levels(images: Tensor) -> Tensor:
    """Numbers from 0 to 255, with fractions where the images have 16 bits."""
    return images.float() / 257 if images.dtype == torch.uint16 else images.float()


def resized(images: Tensor, size: int, mode: str = "bilinear") -> Tensor:
    """Square images of this size; fine detail is averaged, not skipped."""
    if images.shape[-2:] == (size, size):
        return images.contiguous()
    change = {"size": (size, size), "mode": mode, "antialias": mode == "bilinear"}
    deep = images.dtype == torch.uint16  # torch resizes only 8 bits and fractions
    small = [F.interpolate(b.float() if deep else b, **change) for b in images.split(1024)]
    return torch.cat([block.round().to(images.dtype) if deep else block for block in small])
