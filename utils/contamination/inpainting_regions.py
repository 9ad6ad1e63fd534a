"""Where an image is tampered with: regions, the windows around them, and their soft edges."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from utils.data.split import Split

MIN_SIZE = 32  # pixels: smaller images leave too little around a hole
WINDOW = 0.6  # side of the window around a hole, at least this share of the image
DEEPEST = 6  # pixels at most: side of the window after the last halving
FADE = 3  # pixels over which a filling fades in, inside its region
DRAWN_SHAPES = 512  # regions drawn where no masks are known


def window_side(size: int) -> int:
    """The side of the window around a hole, in images of this size."""
    if size < MIN_SIZE:
        raise ValueError(
            f"images of {size} pixels are not supported, they are too small to tamper with; "
            f"take {MIN_SIZE} or more"
        )
    whole = 2 ** halvings(size)
    return whole * -(-round(WINDOW * size) // whole)


def halvings(size: int) -> int:
    """How often a window is halved until its middle depends on its edges."""
    return next(n for n in range(3, 12) if WINDOW * size <= DEEPEST * 2**n)


def shapes_of(split: Split, finding: int) -> Tensor:
    """The regions of all known findings of a class, bool (n, height, width), with a small margin.

    Without masks: ellipses that cover a third of both lungs.
    """
    if split.masks is None:
        return _ellipses(DRAWN_SHAPES, split.size)
    masks = split.masks[(split.labels == finding) & split.masks.flatten(1).any(1)]
    if not len(masks):
        raise ValueError(
            f"no image of class {split.class_names[finding]!r} has a mask with a finding in it; "
            "choose another class, or give a split without masks"
        )
    return _with_margin(masks)


def holes(split: Split, shapes: Tensor, rng: Generator | None = None) -> Tensor:
    """A region for each image: that of its own finding, else one of `shapes` at random."""
    drawn = shapes[torch.randint(len(shapes), (len(split),), generator=rng)]
    if split.masks is None:
        return drawn
    known = split.masks.flatten(1).any(1)[:, None, None]
    return torch.where(known, _with_margin(split.masks), drawn)


def feather(images: Tensor, filled: Tensor, regions: Tensor) -> Tensor:
    """The filling inside the regions (n, height, width), fading in at their inner edge.

    Outside the regions the images stay as they are, to the bit.
    """
    eroded = [regions.to(images)]
    for _ in range(FADE - 1):
        eroded.append(1 - dilate(1 - eroded[-1], 1))
    share = torch.stack(eroded).mean(0)[:, None]
    return torch.where(share > 0, images + share * (filled - images), images)


def dilate(masks: Tensor, by: int) -> Tensor:
    """Masks (n, height, width) that reach `by` pixels further on every side."""
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


def paste(images: Tensor, windows: Tensor, where: Tensor) -> Tensor:
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
    return dilate(masks, max(1, masks.shape[-1] // 32))


def _ellipses(count: int, size: int, seed: int = 0) -> Tensor:
    """About a third of both lungs, at their usual place in a chest image."""
    place = (2 * torch.arange(size) + 1 - size) / size
    drawn = torch.rand(4, count, 1, 1, generator=Generator().manual_seed(seed))
    x, wide = 0.28 + 0.06 * drawn[0], 0.17 + 0.03 * drawn[1]
    y, high = 0.2 * drawn[2] - 0.15, 0.35 + 0.1 * drawn[3]
    return ((place.abs() - x) / wide) ** 2 + ((place[:, None] - y) / high) ** 2 < 1
