"""Does an image carry a trigger? Detectors that see the predictions of a model at work.

    Strip(model, clean).score(images)          # clean: some images without a trigger
    ScaleUp(model).fit(clean).score(images)

Attackers who know them choose a trigger that does not survive: a faint one, a warp, mixed
amplitudes. Or they train with `Cover` images that show blended or brighter triggers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import entropy
from torch import Tensor, nn

from utils.data.split import Split, to_float
from utils.evaluation.inference import predict

MIN_IMAGES_PER_CLASS = 10  # clean images predicted as a class: with fewer, those of all classes


@dataclass(frozen=True, eq=False)
class Overlaid:
    """The images with another one blended in."""

    other: Tensor  # (channels, height, width), in [0, 1]
    share: float

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return (1 - self.share) * images + self.share * self.other.to(images)


@dataclass(frozen=True)
class Multiplied:
    """Every grey level times a factor, up to white."""

    factor: float

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return (self.factor * images).clamp(0, 1)


class Strip:
    """Backdoors: the model stays sure when other images are blended in (STRIP, Gao 2019)."""

    def __init__(
        self, model: nn.Module, clean: Split, blends: int = 32, share: float = 0.5, seed: int = 0
    ):
        if not 0 < share < 1:
            raise ValueError(f"share is that of the image blended in, above 0 and below 1: {share}")
        self.model, self.share = model, share
        self.others = to_float(clean.limit(blends, seed).images)

    def score(self, images: Split) -> np.ndarray:
        """Minus the mean entropy over all blends; higher is more suspicious."""
        blends = (Overlaid(other, self.share) for other in self.others)
        found = (predict(self.model, images, blend).probabilities for blend in blends)
        return -np.mean([entropy(probabilities, axis=1) for probabilities in found], 0)


class ScaleUp:
    """Backdoors: the prediction stays when all grey levels are multiplied (SCALE-UP, Guo 2023).

    Fitted to clean images, it measures each image by those that are predicted as the same class.
    """

    def __init__(self, model: nn.Module, factors: Sequence[float] = (3, 5, 7, 9, 11)):
        self.model, self.factors = model, tuple(factors)
        self.usual: np.ndarray | None = None  # (classes, 2): mean and spread

    def fit(self, clean: Split) -> "ScaleUp":
        kept, predicted = self._consistency(clean)
        rows = [predicted == label for label in range(clean.classes)]
        rows = [kept[own] if own.sum() >= MIN_IMAGES_PER_CLASS else kept for own in rows]
        self.usual = np.array([(own.mean(), max(own.std(), 1e-6)) for own in rows])
        return self

    def score(self, images: Split) -> np.ndarray:
        """One number per image; higher is more suspicious."""
        kept, predicted = self._consistency(images)
        if self.usual is None:
            return kept
        mean, spread = self.usual[predicted].T
        return (kept - mean) / spread

    def _consistency(self, images: Split) -> tuple[np.ndarray, np.ndarray]:
        """The mean probability of the predicted class over all factors, and this class."""
        predicted = predict(self.model, images).probabilities.argmax(1)
        brighter = [predict(self.model, images, Multiplied(each)) for each in self.factors]
        mean = np.mean([each.probabilities for each in brighter], 0)
        return np.take_along_axis(mean, predicted[:, None], 1)[:, 0], predicted
