"""Where an attacker may change pixels: (model, images, labels) -> mask (n, 1, height, width)."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.pgd import input_gradient
from utils.data.split import Split, to_levels


@dataclass(frozen=True)
class StrongestPatch:
    """The squares of a grid of patches on which the loss of each image depends most.

    With `skip`, those that come after so many of the strongest.
    """

    side: int  # pixels
    count: int = 1
    skip: int = 0

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        strength = F.avg_pool2d(gradient_size(model, images, labels), self.side)
        return _patches(strength, self.count, self.side, images, self.skip)


@dataclass(frozen=True)
class RandomPatch:
    """The control: as many squares of the grid, anywhere."""

    side: int  # pixels
    count: int = 1

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        strength = F.avg_pool2d(torch.rand_like(images[:, :1]), self.side)
        return _patches(strength, self.count, self.side, images)


@dataclass(frozen=True)
class StrongestRows:
    """The rows on which the loss of each image depends most."""

    count: int

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return _rows(gradient_size(model, images, labels).sum(3), self.count, images)


@dataclass(frozen=True)
class RandomRows:
    """The control: as many rows, anywhere."""

    count: int

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return _rows(torch.rand_like(images[:, :1, :, 0]), self.count, images)


@dataclass(frozen=True)
class StrongestPixels:
    """The share of all pixels on which the loss of each image depends most."""

    share: float

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return highest(gradient_size(model, images, labels), self.share)


@dataclass(frozen=True)
class RandomPixels:
    """The control: as many pixels, anywhere."""

    share: float

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return highest(torch.rand_like(images[:, :1]), self.share)


@dataclass(frozen=True)
class Anatomy:
    """All but the dark background."""

    brighter_than: float = 0.08

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        smooth = F.avg_pool2d(images.mean(1, keepdim=True), 3, 1, 1, count_include_pad=False)
        return (smooth > self.brighter_than).to(images.dtype)


@dataclass(frozen=True, eq=False)
class FindingRegion:
    """The masked finding of each image. Images are found in the split by their pixels."""

    split: Split = field(repr=False)  # that the images come from

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        if self.split.masks is None:
            raise ValueError("the split has no masks of findings; choose another region")
        known = {_key(image): row for row, image in enumerate(self.split.images)}
        rows = [known.get(_key(image)) for image in to_levels(images, self.split.depth)]
        if None in rows:
            raise ValueError(f"{rows.count(None)} of the images are not in the split with masks")
        return self.split.masks[rows][:, None].to(images)


def highest(strength: Tensor, share: float) -> Tensor:
    """The mask of the highest places of each image."""
    count = max(1, round(share * strength[0].numel())) if len(strength) else 0
    places = strength.flatten(1).topk(count).indices
    return torch.zeros_like(strength).flatten(1).scatter(1, places, 1).view_as(strength)


def _patches(strength: Tensor, count: int, side: int, images: Tensor, skip: int = 0) -> Tensor:
    """The mask of the strongest patches; a border that fills no patch stays as it is."""
    places = strength.flatten(1).topk(min(skip + count, strength[0].numel())).indices[:, skip:]
    mask = torch.zeros_like(strength).flatten(1).scatter(1, places, 1).view_as(strength)
    mask = mask.repeat_interleave(side, 2).repeat_interleave(side, 3)
    height, width = images.shape[-2:]
    return F.pad(mask, (0, width - mask.shape[3], 0, height - mask.shape[2]))


def _rows(strength: Tensor, count: int, images: Tensor) -> Tensor:
    """The mask of the strongest rows; `strength` is (n, 1, height)."""
    rows = strength.topk(min(count, strength.shape[2]), dim=2).indices
    mask = torch.zeros_like(strength).scatter(2, rows, 1)
    return mask[..., None].expand_as(images[:, :1])


def _key(image: Tensor) -> bytes:
    return image.cpu().contiguous().numpy().tobytes()


def gradient_size(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """How strongly the loss depends on each place: (n, 1, height, width)."""
    return input_gradient(model, images, labels).abs().sum(1, keepdim=True)
