"""What happens to images without an attack: noise, sharpening, printing, a smaller file.

A detector's threshold is set on a few such changes. For all others it is a guess until it is tried.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from skimage.filters import unsharp_mask
from torch import Generator, Tensor

from utils.contamination.corruptions.planted_noise import (
    Gaussian,
    Jpeg,
    Noise,
    Poisson,
    SaltAndPepper,
)

SHARPEN_RADIUS = 0.004  # of the width
SCREEN_ANGLE = math.radians(45)  # of the rows of dots in print


@dataclass(frozen=True)
class Sharpened(Noise):
    """Edges are enhanced by unsharp masking, as scanners and viewers do it."""

    levels = (0.5, 1.0, 2.0, 4.0, 8.0)  # share of the fine detail that is added once more

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        radius = SHARPEN_RADIUS * pixels.shape[-1]
        planes = pixels.flatten(0, 1).numpy()
        sharp = np.stack([unsharp_mask(plane, radius, self.level) for plane in planes])
        return torch.from_numpy(sharp).view_as(pixels).to(pixels)


@dataclass(frozen=True)
class Halftone(Noise):
    """Printed with dots of one ink, and scanned again."""

    levels = (3.0, 4.0, 5.0, 6.0, 8.0)  # pixels between the dots

    def noisy(self, pixels: Tensor, rng: Generator) -> Tensor:
        y, x = (torch.arange(edge).float() for edge in pixels.shape[2:])
        along = x * math.cos(SCREEN_ANGLE) + y[:, None] * math.sin(SCREEN_ANGLE)
        across = y[:, None] * math.cos(SCREEN_ANGLE) - x * math.sin(SCREEN_ANGLE)
        waves = [torch.cos(2 * math.pi / self.level * each) for each in (along, across)]
        return (pixels > (2 + waves[0] + waves[1]) / 4).to(pixels)


ORDINARY = {  # by the name of the change
    **{f"Poisson noise {severity}": (Poisson, severity) for severity in (1, 3, 5)},
    **{f"Gaussian noise {severity}": (Gaussian, severity) for severity in (1, 3, 4, 5)},
    "lost pixels": (SaltAndPepper, 1),
    "JPEG, quality 20": (Jpeg, 3),
    "edges enhanced": (Sharpened, 2),
    "edges enhanced strongly": (Sharpened, 4),
    "halftone, fine": (Halftone, 2),
    "halftone, coarse": (Halftone, 5),
}


def ordinary_changes(seed: int = 0) -> dict[str, Noise]:
    """Each changes all images of a split in one way; by its name."""
    return {
        name: change(rate=1.0, seed=seed, severity=severity)
        for name, (change, severity) in ORDINARY.items()
    }
