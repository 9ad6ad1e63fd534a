"""Regions that are cut out of images and filled again: their shapes, their edges, their place."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from utils.splits import Split

SMALLEST = 32  # pixels: of smaller images too little is left around a hole
REACH = 0.6  # of the image, at least: what is seen of it while a hole is filled
LEFT = 6  # pixels at most, when what is seen has been halved often enough
EDGE = 3  # pixels over which a filling fades in, inside its region
UNKNOWN = 512  # shapes drawn where nobody knows of any


def window_side(size: int) -> int:
    """The side of the window in which a hole is filled, in images of this size."""
    if size < SMALLEST:
        raise ValueError(
            f"images of {size} pixels are not supported, they are too small to tamper with; "
            f"take {SMALLEST} or more"
        )
    whole = 2 ** halvings(size)
    return whole * -(-round(REACH * size) // whole)


def halvings(size: int) -> int:
    """How often a window is halved until its middle has seen its edges."""
    return next(n for n in range(3, 12) if REACH * size <= LEFT * 2**n)


def shapes_of(split: Split, finding: int) -> Tensor:
    """The regions of all known findings of a class, bool (n, height, width), a little widened so
    that nothing of them is left outside. Where nobody knows of any: a third of both lungs.
    """
    if split.masks is None:
        return _ellipses(UNKNOWN, split.size)
    masks = split.masks[(split.labels == finding) & split.masks.flatten(1).any(1)]
    if not len(masks):
        raise ValueError(
            f"no image of class {split.class_names[finding]!r} has a mask with a finding in it; "
            "choose another class, or give a split without masks"
        )
    return _with_margin(masks)


def holes(split: Split, shapes: Tensor, numbers: Generator | None = None) -> Tensor:
    """A region for each image: that of its own finding or, where none is known, one of `shapes`."""
    drawn = shapes[torch.randint(len(shapes), (len(split),), generator=numbers)]
    if split.masks is None:
        return drawn
    known = split.masks.flatten(1).any(1)[:, None, None]
    return torch.where(known, _with_margin(split.masks), drawn)


def blended(images: Tensor, filled: Tensor, regions: Tensor) -> Tensor:
    """The filling inside the regions (n, height, width), fading in at their inner edge; outside
    of them the images, to the bit."""
    left = [regions.to(images)]
    for _ in range(EDGE - 1):
        left.append(1 - widened(1 - left[-1], 1))
    share = torch.stack(left).mean(0)[:, None]
    return torch.where(share > 0, images + share * (filled - images), images)


def widened(masks: Tensor, by: int) -> Tensor:
    """Masks (n, height, width) that reach so many pixels further on every side."""
    grown = F.max_pool2d(masks[:, None].float(), 2 * by + 1, 1, by)
    return grown[:, 0].to(masks.dtype)


def corners(regions: Tensor, side: int) -> Tensor:
    """Row and column (n, 2) where a window of this side begins, the region in its middle."""
    size, ends = regions.shape[-1], []
    for along in (regions.any(2), regions.any(1)):
        first = along.byte().argmax(1)
        last = size - 1 - along.flip(1).byte().argmax(1)
        widest = int((last - first).max()) + 1 if len(regions) else 0
        if widest > side - 2:
            raise ValueError(
                f"a region is {widest} pixels wide, and a window of {side} has no room for it and "
                "its surroundings; choose a class whose findings are local"
            )
        ends.append(((first + last + 1 - side) // 2).clamp(0, size - side))
    return torch.stack(ends, 1)


def cut(images: Tensor, where: Tensor, side: int) -> Tensor:
    """The window of each image (n, channels, height, width) that begins at its corner."""
    each, rows, columns = _places(where, side)
    return images[each, :, rows, columns].permute(0, 3, 1, 2)


def pasted(images: Tensor, windows: Tensor, where: Tensor) -> Tensor:
    """The images with these windows put back."""
    each, rows, columns = _places(where, windows.shape[-1])
    whole = images.clone()
    whole[each, :, rows, columns] = windows.permute(0, 2, 3, 1)
    return whole


def _places(where: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    line = torch.arange(side, device=where.device)
    each = torch.arange(len(where), device=where.device)[:, None, None]
    return each, (where[:, :1] + line)[:, :, None], (where[:, 1:] + line)[:, None, :]


def _with_margin(masks: Tensor) -> Tensor:
    return widened(masks, max(1, masks.shape[-1] // 32))


def _ellipses(count: int, size: int, seed: int = 0) -> Tensor:
    """About a third of both lungs, where those of a chest lie; always the same ones."""
    place = (2 * torch.arange(size) + 1 - size) / size
    numbers = torch.rand(4, count, 1, 1, generator=Generator().manual_seed(seed))
    x, wide = 0.28 + 0.06 * numbers[0], 0.17 + 0.03 * numbers[1]
    y, high = 0.2 * numbers[2] - 0.15, 0.35 + 0.1 * numbers[3]
    return ((place.abs() - x) / wide) ** 2 + ((place[:, None] - y) / high) ** 2 < 1
