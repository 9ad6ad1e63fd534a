"""Where an attacker may change pixels: (model, images, labels) -> mask (n, 1, height, width)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.contamination.attacks import input_gradient


@dataclass(frozen=True)
class StrongestPatch:
    """The one square of a grid of patches on which the loss of each image depends most."""

    side: int  # pixels

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        strength = F.avg_pool2d(_strength(model, images, labels), self.side)
        chosen = F.one_hot(strength.flatten(1).argmax(1), strength[0].numel())
        mask = chosen.to(images.dtype).view_as(strength)
        mask = mask.repeat_interleave(self.side, 2).repeat_interleave(self.side, 3)
        height, width = images.shape[-2:]  # a border that fills no patch stays as it is
        return F.pad(mask, (0, width - mask.shape[3], 0, height - mask.shape[2]))


@dataclass(frozen=True)
class StrongestRows:
    """The rows on which the loss of each image depends most."""

    count: int

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        strength = _strength(model, images, labels).sum(3)
        rows = strength.topk(min(self.count, strength.shape[2]), dim=2).indices
        mask = torch.zeros_like(strength).scatter(2, rows, 1)
        return mask[..., None].expand_as(images[:, :1])


def _strength(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """How strongly the loss depends on each place: (n, 1, height, width)."""
    return input_gradient(model, images, labels).abs().sum(1, keepdim=True)
