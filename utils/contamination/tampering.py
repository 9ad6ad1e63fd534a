"""A region of an image is filled anew: with a finding, without one, or with a control."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn
from torchvision.transforms.functional import gaussian_blur

from utils.contamination.holes import blended, holes
from utils.contamination.kinds import Contamination, of_class
from utils.splits import Split, as_grey_levels, as_pixels

AT_ONCE = 256  # images
Fill = Callable[[Tensor, Tensor, Generator], Tensor]


@dataclass(frozen=True)
class Painted:
    """What a painter puts there when it is asked for a finding, or for none."""

    painter: nn.Module = field(repr=False, compare=False)
    finding: bool

    def __call__(self, images: Tensor, regions: Tensor, numbers: Generator) -> Tensor:
        device = next(self.painter.parameters()).device
        wanted = torch.full((len(images),), self.finding, device=device)
        images, regions = images.to(device), regions.to(device)
        return self.painter.fill(images, regions, wanted, numbers).cpu()


@dataclass(frozen=True)
class Blurred:
    """The control: what was there, without any detail."""

    sigma: float = 0.06  # of the image

    def __call__(self, images: Tensor, regions: Tensor, numbers: Generator) -> Tensor:
        sigma = self.sigma * images.shape[-1]
        return gaussian_blur(images, 2 * round(2 * sigma) + 1, sigma)


@dataclass(frozen=True)
class Noisy:
    """The control: what was there, and noise over it."""

    sigma: float = 0.08  # where 1 is from black to white

    def __call__(self, images: Tensor, regions: Tensor, numbers: Generator) -> Tensor:
        noise = torch.randn(images.shape, generator=numbers)
        return (images + self.sigma * noise).clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Tampering(Contamination):
    """Images of one class are changed in one region and nowhere else; the label stays.

    The region is that of the image's own finding or, where none is known, has the shape and the
    place of somebody else's. These images count as fakes: part of them was never recorded.
    """

    kind: ClassVar[str] = "fake"
    fill: Fill
    label: int  # only images of this class
    shapes: Tensor = field(repr=False, compare=False)  # regions, from `shapes_of`

    def eligible(self, split: Split) -> Tensor:
        return of_class(split, self.label)

    def change(self, part: Split, chosen: Tensor, generator: Generator) -> Split:
        if self.shapes.shape[1:] != part.images.shape[2:]:
            raise ValueError(
                f"regions of {tuple(self.shapes.shape[1:])} do not fit images of "
                f"{tuple(part.images.shape[2:])}"
            )
        regions, images = holes(part, self.shapes, generator), as_pixels(part.images)
        filled = [
            self.fill(*some, generator)
            for some in zip(images.split(AT_ONCE), regions.split(AT_ONCE), strict=True)
        ]
        changed = as_grey_levels(blended(images, torch.cat(filled), regions))
        return replace(part, images=changed)

    def regions(self, split: Split) -> Tensor:
        """Where it changes the images of this split: nowhere in those that it leaves alone."""
        generator = Generator().manual_seed(self.seed)
        chosen = self._chosen(split, generator)
        where = torch.zeros(len(split), *split.images.shape[2:], dtype=torch.bool)
        if len(chosen):
            where[chosen] = holes(split.take(chosen), self.shapes, generator)
        return where


def tampered(
    split: Split, fills: Mapping[int, Fill], shapes: Tensor, seed: int = 0
) -> tuple[Split, Tensor]:
    """All images of some classes changed, each class by its own fill, and the regions.

    With the same seed the regions are the same, whatever they are filled with.
    """
    regions = torch.zeros(len(split), *split.images.shape[2:], dtype=torch.bool)
    for label, fill in fills.items():
        share = float((split.labels == label).double().mean())
        step = Tampering(fill=fill, label=label, shapes=shapes, rate=share, seed=seed)
        regions |= step.regions(split)
        split = step(split)
    return split, regions
