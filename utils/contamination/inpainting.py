"""Tampering: one region of an image is cut out and filled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torchvision.transforms.functional import gaussian_blur

from utils.contamination.base import Contamination, of_class
from utils.data.split import Split, to_float, to_uint8

MIN_SIZE = 32  # pixels: smaller images leave too little around a hole
WINDOW = 0.6  # side of the window around a hole, at least this share of the image
DEEPEST = 6  # pixels at most: side of the window after the last halving
FADE = 3  # pixels over which a filling fades in, inside its region
DRAWN_SHAPES = 512  # regions drawn where no masks are known
BATCH = 256  # images

Fill = Callable[[Tensor, Tensor, Generator], Tensor]  # (images, regions, rng) -> images


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


@dataclass(frozen=True)
class GeneratedFill:
    """What an inpainting generator draws when a finding is wanted, or when none is."""

    generator: nn.Module = field(repr=False, compare=False)
    finding: bool

    def __call__(self, images: Tensor, regions: Tensor, rng: Generator) -> Tensor:
        device = next(self.generator.parameters()).device
        wanted = torch.full((len(images),), self.finding, device=device)
        images, regions = images.to(device), regions.to(device)
        return self.generator.fill(images, regions, wanted, rng).cpu()


@dataclass(frozen=True)
class BlurredFill:
    """The control: the same region, blurred."""

    sigma: float = 0.06  # of the image

    def __call__(self, images: Tensor, regions: Tensor, rng: Generator) -> Tensor:
        sigma = self.sigma * images.shape[-1]
        return gaussian_blur(images, 2 * round(2 * sigma) + 1, sigma)


@dataclass(frozen=True)
class NoisyFill:
    """The control: the same region, with noise over it."""

    sigma: float = 0.08  # black is 0, white is 1

    def __call__(self, images: Tensor, regions: Tensor, rng: Generator) -> Tensor:
        noise = torch.randn(images.shape, generator=rng)
        return (images + self.sigma * noise).clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Tampering(Contamination):
    """Images of one class change in one region and nowhere else; the label stays.

    The region is that of the image's own finding or, where none is known, of another patient's.
    These images count as fakes: part of them was never recorded.
    """

    kind: ClassVar[str] = "fake"
    fill: Fill
    label: int  # only images of this class
    shapes: Tensor = field(repr=False, compare=False)  # regions, from `shapes_of`

    def eligible(self, split: Split) -> Tensor:
        return of_class(split, self.label)

    def change(self, part: Split, chosen: Tensor, rng: Generator) -> Split:
        if self.shapes.shape[1:] != part.images.shape[2:]:
            raise ValueError(
                f"regions of {tuple(self.shapes.shape[1:])} do not fit images of "
                f"{tuple(part.images.shape[2:])}"
            )
        regions, images = holes(part, self.shapes, rng), to_float(part.images)
        filled = [
            self.fill(*some, rng)
            for some in zip(images.split(BATCH), regions.split(BATCH), strict=True)
        ]
        changed = to_uint8(feather(images, torch.cat(filled), regions))
        return replace(part, images=changed)

    def regions(self, split: Split) -> Tensor:
        """Where it changes the images of this split; all False for images that it leaves alone."""
        rng = Generator().manual_seed(self.seed)
        chosen = self._choose(split, rng)
        where = torch.zeros(len(split), *split.images.shape[2:], dtype=torch.bool)
        if len(chosen):
            where[chosen] = holes(split.take(chosen), self.shapes, rng)
        return where


def tamper(
    split: Split, fills: Mapping[int, Fill], shapes: Tensor, seed: int = 0
) -> tuple[Split, Tensor]:
    """All images of some classes changed, each class by its own fill, and the regions.

    The seed alone decides the regions, whatever fills them.
    """
    regions = torch.zeros(len(split), *split.images.shape[2:], dtype=torch.bool)
    for label, fill in fills.items():
        share = float((split.labels == label).double().mean())
        step = Tampering(fill=fill, label=label, shapes=shapes, rate=share, seed=seed)
        regions |= step.regions(split)
        split = step(split)
    return split, regions
