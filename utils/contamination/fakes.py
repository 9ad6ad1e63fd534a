"""Images of no patient: drawn by a generator, class by class."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from utils.contamination.base import Contamination
from utils.data.split import Split, in_depth, to_uint8
from utils.run import device_of

IMAGES_PER_BATCH = 256  # images


def generate(generator: nn.Module, labels: Tensor, rng: Generator) -> Tensor:
    """Images of these classes (uint8)."""
    device = device_of(generator)
    with torch.no_grad():
        parts = [generator.draw(some.to(device), rng) for some in labels.split(IMAGES_PER_BATCH)]
    return to_uint8(torch.cat(parts).cpu())


@dataclass(frozen=True)
class Fakes(Contamination):
    """Images are replaced by fakes of the same class, so that the labels stay right.

    A fake keeps the patient whose image it replaces. Its mask is empty: its finding has no
    known place.
    """

    kind: ClassVar[str] = "fake"
    generator: nn.Module = field(repr=False, kw_only=True)

    def change(self, part: Split, chosen: Tensor, rng: Generator) -> Split:
        if part.classes > self.generator.classes:
            raise ValueError(
                f"the generator has learned {self.generator.classes} classes, the images have "
                f"{part.classes}"
            )
        images = generate(self.generator, part.labels, rng)
        if images.shape != part.images.shape:
            raise ValueError(
                f"fakes of {tuple(images.shape[1:])} cannot stand for images of "
                f"{tuple(part.images.shape[1:])}"
            )
        masks = None if part.masks is None else torch.zeros_like(part.masks)
        return replace(part, images=in_depth(images, part.depth), masks=masks)
