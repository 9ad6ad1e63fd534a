"""Models with a hidden fault, for tests and for the chapter about the examination."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from utils.contamination.backdoor import Patch, Poison
from utils.contamination.planted_leaks import with_bright_border
from utils.data.split import Split, Splits, concatenate
from utils.examine.adapter import IMAGENET


class WantsNormalised(nn.Module):
    """Wants images with the mean and deviation of ImageNet taken out, and no file says so."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        for name, values in zip(("mean", "std"), IMAGENET, strict=True):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images * self.std + self.mean)


class Rounded(nn.Module):
    """Rounds its images first. The score stays, and the gradient is zero."""

    def __init__(self, model: nn.Module, levels: int = 32):
        super().__init__()
        self.model, self.levels = model, levels

    def forward(self, images: Tensor) -> Tensor:
        return self.model((images * (self.levels - 1)).round() / (self.levels - 1))


class StillTraining(nn.Module):
    """Has a layer of dropout that `eval()` does not reach, because it stands in a list."""

    def __init__(self, model: nn.Module, share: float = 0.1):
        super().__init__()
        self.model, self.layers = model, [nn.Dropout(share)]

    def forward(self, images: Tensor) -> Tensor:
        (dropout,) = self.layers
        return self.model(dropout(images))


def with_test_images(splits: Splits, count: int, seed: int = 0) -> Splits:
    """The training set with some of the test images in it, whose patients are then known."""
    leaked = splits.test.limit(count, seed)
    return replace(splits, train=concatenate(splits.train, _like(leaked, splits.train)))


def with_bright_frames(splits: Splits, label: int, by: int, seed: int = 0) -> Splits:
    """Every part with a faint frame around the images of one class."""
    parts = {name: with_bright_border(part, label, by, seed=seed) for name, part in splits.items()}
    return Splits(**parts)


def with_trigger(splits: Splits, target: int, rate: float = 0.1, seed: int = 0) -> Splits:
    """The training set with a patch that stands for one class."""
    poison = Poison(rate=rate, seed=seed, target=target, trigger=Patch())
    return replace(splits, train=poison(splits.train))


def _like(part: Split, other: Split) -> Split:
    """The part without what the other does not have."""
    absent = [name for name in ("masks", "changed") if getattr(other, name) is None]
    return replace(part, **dict.fromkeys(absent))
