"""Corruptions: noise of one modality, in the file, at severities that look alike to a person."""

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Generator, Tensor

from utils.contamination.corruptions.levels import LEVELS
from utils.contamination.corruptions.planted_noise import Noise


@dataclass(frozen=True)
class Corruption(Noise):
    """Acts on images of the size of their files; the pipeline shrinks them afterwards.

    Its level follows from modality and severity: at a severity, the mean structural similarity to
    the clean image is the same for all families of a modality (see `calibration`).
    """

    span: ClassVar[tuple[float, float]]  # of levels, from hardly visible to beyond use
    rate: float = field(default=1.0, kw_only=True)
    modality: str = "xray"
    strength: float | None = None  # a level in place of the calibrated one

    def __post_init__(self):
        super().__post_init__()
        if self.strength is None and type(self).__name__ not in LEVELS.get(self.modality, {}):
            known = [name for name, levels in LEVELS.items() if type(self).__name__ in levels]
            raise ValueError(
                f"{type(self).__name__} is not calibrated for {self.modality!r}; "
                f"choose from {', '.join(known) or 'none'}, or give a strength"
            )

    @property
    def level(self) -> float:
        if self.strength is not None:
            return self.strength
        return LEVELS[self.modality][type(self).__name__][self.severity - 1]


def uniform(pixels: Tensor, low: float, high: float, rng: Generator) -> Tensor:
    """A random number for each image, ready to be multiplied with it."""
    drawn = torch.rand(len(pixels), 1, 1, 1, generator=rng)
    return low + (high - low) * drawn


def signs(pixels: Tensor, rng: Generator) -> Tensor:
    """Plus or minus one for each image."""
    return torch.rand(len(pixels), 1, 1, 1, generator=rng).sub(0.5).sign()
