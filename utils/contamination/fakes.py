"""Images that nobody was examined for: drawn by a generator, class by class."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from utils.contamination.base import KINDS, Contamination
from utils.data.split import Split, to_uint8
from utils.run import device_of

BATCH = 256  # images


def sample_fakes(
    generator: nn.Module, counts: Sequence[int], names: Sequence[str], seed=0
) -> Split:
    """So many fakes of each class; the label is the class that was asked for.

    Each is its own patient: none of them ever lived.
    """
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(list(counts)))
    images = generate(generator, labels, Generator().manual_seed(seed))
    changed = torch.full_like(labels, KINDS.index("fake"))
    return Split(images, labels, tuple(names), torch.arange(len(labels)), changed=changed)


def generate(generator: nn.Module, labels: Tensor, numbers: Generator) -> Tensor:
    """Images of these classes as grey levels (uint8)."""
    device = device_of(generator)
    with torch.no_grad():
        parts = [generator.draw(some.to(device), numbers) for some in labels.split(BATCH)]
    return to_uint8(torch.cat(parts).cpu())


def latent_walk(generator: nn.Module, labels: Sequence[int], steps: int, seed: int = 0) -> Tensor:
    """From one noise to another on the sphere between them, `steps` images for each label.

    Where neighbours on the way look alike, the generator has learned more than single images.
    """
    first, last = torch.randn(2, generator.latent, generator=Generator().manual_seed(seed))
    angle = torch.acos(torch.cosine_similarity(first, last, 0))
    parts = torch.linspace(0, 1, steps)[:, None] * angle
    noise = ((angle - parts).sin() * first + parts.sin() * last) / angle.sin()
    asked = torch.tensor(list(labels)).repeat_interleave(steps)
    device = device_of(generator)
    with torch.no_grad():
        images = generator(noise.repeat(len(labels), 1).to(device), asked.to(device))
    return to_uint8(images.cpu())


@dataclass(frozen=True)
class Fakes(Contamination):
    """Images that are replaced by fakes of the same class: the labels stay, in a sense, right.

    A fake is filed under the patient whose image it replaces. Nobody knows where it shows what.
    """

    kind: ClassVar[str] = "fake"
    generator: nn.Module = field(repr=False, kw_only=True)

    def change(self, part: Split, chosen: Tensor, generator: Generator) -> Split:
        if part.classes > self.generator.classes:
            raise ValueError(
                f"the generator has learned {self.generator.classes} classes, the images have "
                f"{part.classes}"
            )
        images = generate(self.generator, part.labels, generator)
        if images.shape != part.images.shape:
            raise ValueError(
                f"fakes of {tuple(images.shape[1:])} cannot stand for images of "
                f"{tuple(part.images.shape[1:])}"
            )
        masks = None if part.masks is None else torch.zeros_like(part.masks)
        return replace(part, images=images, masks=masks)
