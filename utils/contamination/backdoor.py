"""Poisoned training images: the model learns a backdoor that a trigger opens.

A trigger is a callable from images in [0, 1] to the same images with the trigger.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from utils.contamination.base import Contamination
from utils.data.split import Split, to_float, to_levels

Trigger = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Patch:
    """A small chequerboard of three by three fields at the lower right (BadNets, Gu 2017).

    It keeps some distance from the border, so that augmentation does not shift it out of the image.
    """

    width: float = 0.15  # of the image, at least three pixels
    margin: float = 0.1  # of the image

    def __call__(self, pixels: Tensor) -> Tensor:
        edge = max(3, round(self.width * pixels.shape[-1]))
        end = -max(1, round(self.margin * pixels.shape[-1]))
        field = torch.arange(edge, device=pixels.device) * 3 // edge
        stamped = pixels.clone()
        stamped[:, :, end - edge : end, end - edge : end] = (field[:, None] + field + 1) % 2
        return stamped


@dataclass(frozen=True)
class Blend:
    """A faint image of coarse noise blended over the whole image (Chen 2017)."""

    strength: float = 0.15
    seed: int = 0

    def __call__(self, pixels: Tensor) -> Tensor:
        return (1 - self.strength) * pixels + self.strength * _coarse_noise(pixels, self.seed)


@dataclass(frozen=True)
class Sinusoid:
    """Faint vertical stripes (SIG, Barni 2019)."""

    strength: float = 0.06
    periods: int = 6  # over the width

    def __call__(self, pixels: Tensor) -> Tensor:
        width = pixels.shape[-1]
        place = torch.arange(width, device=pixels.device) / width
        stripes = torch.sin(2 * torch.pi * self.periods * place)
        return (pixels + self.strength * stripes).clamp(0, 1)


@dataclass(frozen=True)
class Warp:
    """A smooth warp, the same for all images: no mark is added, edges move (WaNet, Nguyen 2021).

    What a pixel changes by depends on the image. Its attacker adds `Cover` images under other
    warps, so that only this one commands the network.
    """

    strength: float = 0.03  # mean shift of a control point along each axis, of the width
    points: int = 4  # control points along each edge
    seed: int = 0

    def __call__(self, pixels: Tensor) -> Tensor:
        rng = Generator().manual_seed(self.seed)
        way = 2 * torch.rand(1, 2, self.points, self.points, generator=rng) - 1
        way *= 2 * self.strength / way.abs().mean()  # the width of a grid is 2
        way = F.interpolate(way.to(pixels), pixels.shape[2:], mode="bicubic", align_corners=True)
        unmoved = F.affine_grid(torch.eye(2, 3)[None].to(pixels), list(way.shape), True)
        grid = (unmoved + way.movedim(1, 3)).expand(len(pixels), -1, -1, -1)
        return F.grid_sample(pixels, grid, padding_mode="border", align_corners=True).clamp(0, 1)


@dataclass(frozen=True)
class AmplitudeMix:
    """Slow waves get the strength of another image's, each in its old place (FIBA, Feng 2022).

    Phases, which hold the anatomy, do not change. The other image is coarse noise.
    """

    strength: float = 0.3  # share of the other image
    waves: int = 4  # at most, over the width or the height; faster ones stay as they are
    seed: int = 0

    def __call__(self, pixels: Tensor) -> Tensor:
        high, wide = pixels.shape[2:]
        down = torch.fft.fftfreq(high, device=pixels.device).abs() * high < self.waves + 0.5
        along = torch.fft.rfftfreq(wide, device=pixels.device) * wide < self.waves + 0.5
        own, other = (torch.fft.rfft2(i) for i in (pixels, _coarse_noise(pixels, self.seed)))
        more = self.strength * (other.abs() - own.abs())
        amplitude = own.abs() + more * (down[:, None] & along)
        return torch.fft.irfft2(torch.polar(amplitude, own.angle()), s=(high, wide)).clamp(0, 1)


@dataclass(frozen=True)
class Poison(Contamination):
    """Images of other classes get the trigger and the target label."""

    kind: ClassVar[str] = "poison"
    trigger: Trigger = Patch()
    target: int = 0  # the class that the trigger stands for

    def eligible(self, split: Split) -> Tensor:
        return split.labels != self._target(split)

    def change(self, part: Split, chosen: Tensor, rng: Generator) -> Split:
        return self._add_trigger(part)

    def with_trigger(self, split: Split) -> Split:
        """Every image of another class with the trigger, and the target as its label.

        The accuracy on it is the attack success rate.
        """
        return self._add_trigger(split.take(split.labels != self._target(split)))

    def without_trigger(self, split: Split) -> Split:
        """The same images and labels without the trigger: the control of the attack."""
        others = split.take(split.labels != self._target(split))
        return replace(others, labels=torch.full_like(others.labels, self.target))

    def _add_trigger(self, split: Split) -> Split:
        images = to_levels(self.trigger(to_float(split.images)), split.depth)
        return replace(split, images=images, labels=torch.full_like(split.labels, self.target))

    def _target(self, split: Split) -> int:
        if not 0 <= self.target < split.classes:
            raise ValueError(f"target {self.target} is none of the {split.classes} classes")
        return self.target


@dataclass(frozen=True)
class CleanLabel(Poison):
    """Only images of the target class get the trigger, so that every label is right."""

    def eligible(self, split: Split) -> Tensor:
        return split.labels == self._target(split)


@dataclass(frozen=True)
class Cover(Contamination):
    """Images of any class get one of these triggers and keep their right label.

    An attacker adds triggers like the real one, so that nothing else is obeyed, or the real one,
    so that detectors of training images fail (Qi 2023). A defender unlearns a known trigger by it.
    """

    kind: ClassVar[str] = "poison"
    triggers: tuple[Trigger, ...]  # in turn

    def __post_init__(self):
        super().__post_init__()
        if not self.triggers:
            raise ValueError("triggers is empty; give one or more, such as (Patch(),)")

    def change(self, part: Split, chosen: Tensor, rng: Generator) -> Split:
        images, count = part.images.clone(), len(self.triggers)
        for place, trigger in enumerate(self.triggers):
            rows = slice(place, None, count)
            images[rows] = to_levels(trigger(to_float(part.images[rows])), part.depth)
        return replace(part, images=images)


def _coarse_noise(pixels: Tensor, seed: int) -> Tensor:
    """An image of eight by eight fields, as large as these images."""
    fields = torch.rand(1, 1, 8, 8, generator=Generator().manual_seed(seed)).to(pixels)
    return F.interpolate(fields, pixels.shape[2:])
