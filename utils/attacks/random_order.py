"""Changes that touch no grey level: rows or patches of an image in another order.

They are called like attacks, so that every model can be tested or trained on what they make.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class ShuffledRows:
    """Rows in another order, each image in its own way; no row overtakes another that is `reach`
    or more rows ahead."""

    reach: float = 1e6  # rows; far more than an image has: any order

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        count, height = len(images), images.shape[2]
        places = torch.arange(height, device=images.device)
        order = (places + self.reach * torch.rand(count, height, device=images.device)).argsort(1)
        return _taken(images, order)


@dataclass(frozen=True)
class FixedRowOrder:
    """Rows in one other order, the same for all images."""

    seed: int = 0

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        order = torch.randperm(images.shape[2], generator=generator)
        return _taken(images, order.to(images.device).expand(len(images), -1))


@dataclass(frozen=True)
class ShuffledPatches:
    """`count` squares of a grid of patches change places with each other, in each image others."""

    side: int  # pixels
    count: int = 0  # 0: all patches

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        height, width = (edge - edge % self.side for edge in images.shape[-2:])
        cut = images[..., :height, :width].unfold(2, self.side, self.side)
        cut = cut.unfold(3, self.side, self.side)  # n, channels, rows, columns, side, side
        patches = cut.flatten(2, 3)
        order = self._order(len(images), patches.shape[2], images.device)
        places = order[:, None, :, None, None].expand_as(patches)
        moved = patches.gather(2, places).view_as(cut).transpose(3, 4)
        shuffled = images.clone()  # a border that fills no patch stays as it is
        shuffled[..., :height, :width] = moved.reshape(*images.shape[:2], height, width)
        return shuffled

    def _order(self, images: int, patches: int, device: torch.device) -> Tensor:
        """For each place the patch that comes to it: a cycle of those that move."""
        moving = torch.rand(images, patches, device=device).argsort(1)
        moving = moving[:, : self.count or patches]
        order = torch.arange(patches, device=device).repeat(images, 1)
        return order.scatter(1, moving, moving.roll(1, 1))


def _taken(images: Tensor, order: Tensor) -> Tensor:
    """The rows of each image, (n, height) of them, in this order."""
    return images.gather(2, order[:, None, :, None].expand_as(images))
