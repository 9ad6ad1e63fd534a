"""Wrong labels: the images stay, what is said of them is false."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Generator, Tensor

from utils.contamination.base import Contamination
from utils.data.split import Split


@dataclass(frozen=True)
class LabelError(Contamination):
    kind: ClassVar[str] = "label error"

    def change(self, part: Split, chosen: Tensor, generator: Generator) -> Split:
        if part.classes < 2:
            raise ValueError(f"with the one class {part.class_names[0]!r} no label can be wrong")
        return replace(part, labels=self.mistaken(part, chosen, generator))

    def mistaken(self, part: Split, chosen: Tensor, generator: Generator) -> Tensor:
        """For each image another label than its own."""
        raise NotImplementedError


@dataclass(frozen=True)
class Symmetric(LabelError):
    """Any other class, each as likely: a slip of the hand."""

    def mistaken(self, part: Split, chosen: Tensor, generator: Generator) -> Tensor:
        further = torch.randint(1, part.classes, (len(part),), generator=generator)
        return (part.labels + further) % part.classes


@dataclass(frozen=True)
class Neighbouring(LabelError):
    """The class before or after in their order: a grade misjudged by one."""

    def mistaken(self, part: Split, chosen: Tensor, generator: Generator) -> Tensor:
        step = 2 * torch.randint(0, 2, (len(part),), generator=generator) - 1
        inside = (part.labels + step >= 0) & (part.labels + step < part.classes)
        return part.labels + torch.where(inside, step, -step)


@dataclass(frozen=True)
class ImageDependent(LabelError):
    """Hard images first, and each gets the label that it is most easily mistaken for.

    What is hard is said by `probabilities` (images, classes) of a model, best of one that has
    not trained on these images. Nothing is drawn: the seed decides only between equals.
    """

    probabilities: Tensor = field(repr=False, compare=False)

    def preferred(self, split: Split, places: Tensor, generator: Generator) -> Tensor:
        said = self._said(len(split), split.classes)
        own = said.gather(1, split.labels[:, None])[:, 0]
        margin = own - _others(said, split.labels).amax(1)
        places = super().preferred(split, places, generator)
        return places[margin[places].argsort(stable=True)]

    def mistaken(self, part: Split, chosen: Tensor, generator: Generator) -> Tensor:
        said = torch.as_tensor(self.probabilities)[chosen]
        return _others(said, part.labels).argmax(1)

    def _said(self, images: int, classes: int) -> Tensor:
        said = torch.as_tensor(self.probabilities)
        if said.shape != (images, classes):
            raise ValueError(
                f"probabilities must have a row for each of {images} images and a column for "
                f"each of {classes} classes, got {tuple(said.shape)}"
            )
        return said


def _others(said: Tensor, labels: Tensor) -> Tensor:
    """The probabilities without that of each image's own class."""
    return said.scatter(1, labels[:, None], -1.0)
