"""Input-time defence: every image is cleaned before the model sees it.

Cleaning hides the gradient of the model more than it removes an attack. So the accuracy that
counts is that under `Purified.adaptive(attack)`, which looks through it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.adaptive import Expectation, StraightThrough
from utils.contamination.corruptions.planted_noise import jpeg
from utils.defences.base import Defence, views_of

Transform = Callable[[Tensor], Tensor]  # images in [0, 1] -> images of the same shape
DRAWS = 20  # of a random step, in expectation; and predictions that judge an attack on it


class Purified(Defence):
    """A model behind a cleaning step.

    The adaptive attack goes backward through `stand_in`, by default as if there were no step
    (BPDA); where the step is `random`, in expectation over its draws (EOT).
    """

    def __init__(
        self,
        model: nn.Module,
        transform: Transform,
        stand_in: Transform | None = None,
        random: bool = False,
    ):
        super().__init__()
        self.model, self.transform = model, transform
        self.stand_in, self.random = stand_in, random
        self.repeats = DRAWS if random else getattr(model, "repeats", 1)

    def forward(self, images: Tensor) -> Tensor:
        # A step without a gradient, such as a file, gets one of zero instead of an error.
        return self.model(self.transform(images) + 0 * images)

    def views(self) -> tuple[nn.Module, ...]:
        through = StraightThrough(self.transform, self.stand_in)
        views = (self, *(nn.Sequential(through, view) for view in views_of(self.model)))
        return tuple(Expectation(view, DRAWS) for view in views) if self.random else views


@dataclass(frozen=True)
class GreyLevels:
    """Round to 2**bits grey levels (Xu 2018)."""

    bits: int = 3

    def __post_init__(self):
        if not 1 <= self.bits <= 8:
            raise ValueError(f"an image has 1 to 8 bits, got {self.bits}")

    def __call__(self, images: Tensor) -> Tensor:
        steps = 2**self.bits - 1
        return (images * steps).round() / steps


@dataclass(frozen=True)
class MedianFilter:
    """Each pixel becomes the median of the square around it (Xu 2018)."""

    window: int = 3  # odd

    def __post_init__(self):
        if self.window < 1 or self.window % 2 == 0:
            raise ValueError(f"a window has a middle only if it is odd, got {self.window}; take 3")

    def __call__(self, images: Tensor) -> Tensor:
        padded = F.pad(images, [self.window // 2] * 4, mode="reflect")
        squares = padded.unfold(2, self.window, 1).unfold(3, self.window, 1)
        return squares.flatten(4).median(4).values


@dataclass(frozen=True)
class JpegFile:
    """Saved as JPEG and read again (Das 2017)."""

    quality: int = 50  # of 100

    def __call__(self, images: Tensor) -> Tensor:
        return jpeg(images.detach().cpu(), self.quality).to(images)


@dataclass(frozen=True)
class TotalVariation:
    """The image nearby with the least total variation: flat areas, sharp edges (Chambolle 2004).

    A larger weight removes more detail; each colour channel is cleaned alone.
    """

    weight: float = 0.1
    steps: int = 20

    def __post_init__(self):
        if self.weight <= 0 or self.steps < 1:
            raise ValueError(f"needs weight > 0 and steps >= 1, got {self!r}")

    def __call__(self, images: Tensor) -> Tensor:
        dual = images.new_zeros(2, *images.shape)  # one for each direction, vertical first
        for _ in range(self.steps):
            slope = _slopes(images + _divergence(dual))
            length = slope.norm(dim=0, keepdim=True)
            dual = (dual - slope / 4) / (1 + length / (4 * self.weight))
        return images + _divergence(dual)


def _slopes(images: Tensor) -> Tensor:
    """To the next pixel below and to the right; 0 at the border."""
    below = F.pad(images.diff(dim=2), (0, 0, 0, 1))
    right = F.pad(images.diff(dim=3), (0, 1))
    return torch.stack([below, right])


def _divergence(dual: Tensor) -> Tensor:
    """What flows in from the pixels above and to the left, less what flows out."""
    down, right = dual
    above = F.pad(down[:, :, :-1], (0, 0, 1, 0))
    left = F.pad(right[:, :, :, :-1], (1, 0))
    return above - down + left - right


PURIFICATIONS: dict[str, Transform] = {
    "fewer grey levels": GreyLevels(),
    "JPEG": JpegFile(),
    "median filter": MedianFilter(),
    "total variation": TotalVariation(),
}
