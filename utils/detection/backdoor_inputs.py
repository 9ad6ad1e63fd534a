"""Does an image carry a trigger? Detectors that see the predictions of a model at work.

    Strip(model, clean).score(images)  # clean: some images without a trigger
    ScaleUp(model).score(images)

They ask whether a prediction outlives a change that an ordinary image would not. Attackers who
know that take a trigger that does not outlive it either: a faint one, a warp, mixed amplitudes.
Or they add `Cover` images that show the changed trigger under right labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import entropy
from torch import Tensor, nn

from utils.data.split import Split, to_float
from utils.evaluation.inference import predict
from utils.evaluation.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Overlaid:
    """The images with another one added, up to white."""

    other: Tensor  # (channels, height, width), in [0, 1]
    weight: float

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return (images + self.weight * self.other.to(images)).clamp(0, 1)


@dataclass(frozen=True)
class Multiplied:
    """Every grey level times a factor, up to white."""

    factor: float

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return (self.factor * images).clamp(0, 1)


class Strip:
    """Backdoors: the model stays sure when other images are laid over one (STRIP, Gao 2019)."""

    def __init__(
        self, model: nn.Module, clean: Split, overlays: int = 32, weight: float = 1.0, seed: int = 0
    ):
        if not len(clean):
            raise ValueError("no clean image to lay over the others; give one or more")
        self.model, self.weight = model, weight
        self.others = to_float(clean.limit(overlays, seed).images)

    def score(self, images: Split) -> np.ndarray:
        """Minus the mean entropy of the predictions; higher is more suspicious."""
        return sureness(self.predictions(images))

    def predictions(self, images: Split) -> list[Predictions]:
        """Those under each of the others, laid over all images."""
        return [predict(self.model, images, Overlaid(each, self.weight)) for each in self.others]


def sureness(found: Sequence[Predictions]) -> np.ndarray:
    """Minus the mean entropy of several predictions for the same images."""
    return -np.mean([entropy(each.probabilities, axis=1) for each in found], 0)


class ScaleUp:
    """Backdoors: the prediction stays when grey levels are multiplied (SCALE-UP, Guo 2023).

    The paper's factors, 3 to 11, turn an X-ray white, and it counts how often the class stays.
    The mean probability of that class has no ties.
    """

    def __init__(self, model: nn.Module, factors: Sequence[float] = (1.5, 2, 3, 4)):
        if not factors:
            raise ValueError("factors is empty; give one or more, such as (1.5, 2)")
        self.model, self.factors = model, tuple(factors)

    def score(self, images: Split) -> np.ndarray:
        """The mean probability of the class first predicted; higher is more suspicious."""
        first = predict(self.model, images).probabilities.argmax(1)[:, None]
        brighter = (predict(self.model, images, Multiplied(each)) for each in self.factors)
        kept = [np.take_along_axis(each.probabilities, first, 1)[:, 0] for each in brighter]
        return np.mean(kept, 0)
