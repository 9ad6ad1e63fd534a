"""Tampering: one region of an image is cut out and filled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn
from torchvision.transforms.functional import gaussian_blur

from utils.contamination.base import Contamination, of_class
from utils.contamination.inpainting_regions import feather, holes
from utils.data.split import Split, to_float, to_levels
from utils.run import device_of

IMAGES_PER_BATCH = 256  # images

Fill = Callable[[Tensor, Tensor, Generator], Tensor]  # (images, regions, rng) -> images


@dataclass(frozen=True)
class GeneratedFill:
    """What an inpainting generator draws when a finding is wanted, or when none is."""

    generator: nn.Module = field(repr=False, compare=False)
    finding: bool

    def __call__(self, images: Tensor, regions: Tensor, rng: Generator) -> Tensor:
        wanted = torch.full((len(images),), self.finding, device=device_of(self.generator))
        images, regions = images.to(wanted.device), regions.to(wanted.device)
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


@dataclass(frozen=True)
class SplicedFill:
    """What another patient's image shows there, made as bright as what it covers."""

    def __call__(self, images: Tensor, regions: Tensor, rng: Generator) -> Tensor:
        others = images.roll(1, 0) if len(images) > 1 else images.flip(3)
        where = regions[:, None].to(images)
        count = where.sum((2, 3), keepdim=True).clamp_min(1)
        darker = ((images - others) * where).sum((2, 3), keepdim=True) / count
        return (others + darker).clamp(0, 1)


@dataclass(frozen=True)
class RegrainedFill:
    """Another fill under the grain of the same image: an attacker who hides from noise traces.

    The grain comes from the other side of the image, because bodies are nearly symmetrical.
    """

    fill: Fill
    strength: float = 1.0
    sigma: float = 1.0  # pixels; what a blur of this width removes is grain

    def __call__(self, images: Tensor, regions: Tensor, rng: Generator) -> Tensor:
        grain = images - gaussian_blur(images, 2 * round(3 * self.sigma) + 1, self.sigma)
        filled = self.fill(images, regions, rng)
        return (filled + self.strength * grain.flip(3)).clamp(0, 1)


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
        parts = (every.split(IMAGES_PER_BATCH) for every in (images, regions))
        filled = [self.fill(*some, rng) for some in zip(*parts, strict=True)]
        changed = to_levels(feather(images, torch.cat(filled), regions), part.depth)
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
