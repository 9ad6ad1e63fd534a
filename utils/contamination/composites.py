"""Fakes that need no generator: two patients of the same class in one image."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Generator, Tensor

from utils.contamination.base import Contamination
from utils.data.split import Split, to_float, to_levels


@dataclass(frozen=True)
class Composite(Contamination):
    """Every changed image becomes one of two patients; it keeps the first one's place and name."""

    kind: ClassVar[str] = "fake"

    def change(self, part: Split, chosen: Tensor, rng: Generator) -> Split:
        other = part.take(partners(part, rng))
        share = self.share_of_first(part.size)
        pixels = share * to_float(part.images) + (1 - share) * to_float(other.images)
        masks = part.masks
        if masks is not None:
            masks = (masks & (share > 0)) | (other.masks & (share < 1))
        return replace(part, images=to_levels(pixels, part.depth), masks=masks)

    def share_of_first(self, size: int) -> Tensor:
        """Of the first patient, from 0 to 1, in each column of the image."""
        raise NotImplementedError


@dataclass(frozen=True)
class Mixture(Composite):
    """The mean of both images."""

    def share_of_first(self, size: int) -> Tensor:
        return torch.full((size,), 0.5)


@dataclass(frozen=True)
class Splice(Composite):
    """The left of one patient beside the right of another; a soft seam joins them."""

    seam: float = 0.125  # of the width

    def share_of_first(self, size: int) -> Tensor:
        place = (torch.arange(size) + 0.5) / size
        return ((0.5 - place) / self.seam + 0.5).clamp(0, 1)


def partners(split: Split, rng: Generator) -> Tensor:
    """For each image the place of one of another patient of its class.

    In order of patients, each image takes one so far behind it that it is another patient's.
    """
    owners, found = torch.as_tensor(split.patients), torch.empty(len(split), dtype=torch.long)
    for label in split.labels.unique():
        rows = torch.nonzero(split.labels == label)[:, 0]
        order = rows[owners[rows].argsort(stable=True)]
        most = int(owners[rows].unique(return_counts=True)[1].max())
        if 2 * most > len(rows):
            raise ValueError(
                f"class {split.class_names[label]!r} has {len(rows)} images, {most} of them of "
                "one patient: not every image has a partner of another patient; give more patients"
            )
        by = int(torch.randint(most, len(rows) - most + 1, (1,), generator=rng))
        found[order] = order.roll(-by)
    return found
