"""Label errors: the images stay, some labels are wrong."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Generator, Tensor

from utils.contamination.base import Contamination, of_class
from utils.data.split import Split
from utils.training.cross_validation import out_of_fold_probabilities

COARSE = 10  # pixels along each edge
CAREFUL = 1e-3  # C of a logistic regression that is held back


@dataclass(frozen=True)
class LabelError(Contamination):
    """Chosen images get another label than their own."""

    kind: ClassVar[str] = "label error"

    def change(self, part: Split, chosen: Tensor, rng: Generator) -> Split:
        if part.classes < 2:
            raise ValueError(f"with the one class {part.class_names[0]!r} no label can be wrong")
        return replace(part, labels=self.wrong_labels(part, chosen, rng))

    def wrong_labels(self, part: Split, chosen: Tensor, rng: Generator) -> Tensor:
        """For each image another label than its own."""
        raise NotImplementedError


@dataclass(frozen=True)
class Symmetric(LabelError):
    """Any other class, all equally likely: a slip of the hand."""

    def wrong_labels(self, part: Split, chosen: Tensor, rng: Generator) -> Tensor:
        further = torch.randint(1, part.classes, (len(part),), generator=rng)
        return (part.labels + further) % part.classes


@dataclass(frozen=True)
class LookAlike(LabelError):
    """Two classes that look alike take each other's label; all other labels are right."""

    pair: tuple[int, int] = (0, 1)

    def eligible(self, split: Split) -> Tensor:
        first, second = self.pair
        if first == second:
            raise ValueError(f"a pair needs two classes, got {self.pair}")
        return of_class(split, first) | of_class(split, second)

    def wrong_labels(self, part: Split, chosen: Tensor, rng: Generator) -> Tensor:
        return sum(self.pair) - part.labels


@dataclass(frozen=True)
class ImageDependent(LabelError):
    """Hard images first, and each gets the label that it is most easily mistaken for.

    `probabilities` (images, classes) of a model that has not met the images say what is hard, such
    as those of `coarse_reading`. Nothing else is random: the seed decides only between equals.
    """

    probabilities: Tensor = field(repr=False, compare=False)

    def preferred(self, split: Split, places: Tensor, rng: Generator) -> Tensor:
        probabilities = self._checked(len(split), split.classes)
        own = probabilities.gather(1, split.labels[:, None])[:, 0]
        margin = own - _without_own(probabilities, split.labels).amax(1)
        places = super().preferred(split, places, rng)
        return places[margin[places].argsort(stable=True)]

    def wrong_labels(self, part: Split, chosen: Tensor, rng: Generator) -> Tensor:
        probabilities = torch.as_tensor(self.probabilities)[chosen]
        return _without_own(probabilities, part.labels).argmax(1)

    def _checked(self, images: int, classes: int) -> Tensor:
        probabilities = torch.as_tensor(self.probabilities)
        if probabilities.shape != (images, classes):
            raise ValueError(
                f"probabilities must have a row for each of {images} images and a column for "
                f"each of {classes} classes, got {tuple(probabilities.shape)}"
            )
        return probabilities


def coarse_reading(split: Split, pixels: int = COARSE, folds: int = 5, seed: int = 0) -> Tensor:
    """Class probabilities by linear readers of a few pixels, each for patients it has not met.

    A reader that knew an image's label by heart would find no image hard. This one is independent
    of the networks that learn from the labels.
    """
    rows = split.resized(pixels).images.flatten(1).float().cpu().numpy()
    return torch.from_numpy(out_of_fold_probabilities(rows, split, CAREFUL, folds, seed))


def _without_own(probabilities: Tensor, labels: Tensor) -> Tensor:
    """The probabilities, with -1 for each image's own class."""
    return probabilities.scatter(1, labels[:, None], -1.0)
