"""A detector of hidden images at any threshold: what it flags, rightly and wrongly."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from utils.contamination.hidden_images import HiddenImage
from utils.contamination.image_scaling import Scaling
from utils.contamination.resizers import Resizer, downscale
from utils.data.split import Split
from utils.detection.scaling_detectors import ScalingDetector
from utils.figures.playground import scores_and_threshold

BRUSHES = {"careless": 0.0, "careful": 0.35, "very careful": 0.4}  # in pixels of the small image


@dataclass(frozen=True)
class DetectorThreshold:
    """The scores of clean images, and of the same images when each hides another one.

    A score is how far an image is from itself after shrinking and enlarging, in grey levels.
    """

    clean: np.ndarray
    attacked: Mapping[str, np.ndarray]  # by attacker

    @classmethod
    def of(cls, large: Split, ratio: int = 6, seed: int = 0) -> "DetectorThreshold":
        """Hide in each large image one of another class, by three attackers."""
        size, resizer = large.size // ratio, Resizer()
        detector = ScalingDetector(resizer, (size, size), "difference")
        pictures = downscale(large, resizer, size)
        scores = {}
        for name, brush in BRUSHES.items():
            attack = Scaling(resizer, brush=brush)
            hide = HiddenImage(rate=1.0, seed=seed, pictures=pictures, attack=attack)
            scores[name] = _grey_levels(detector.score(hide(large)))
        return cls(_grey_levels(detector.score(large)), scores)

    @property
    def attackers(self) -> tuple[str, ...]:
        return tuple(self.attacked)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest score."""
        scores = np.concatenate([self.clean, *self.attacked.values()])
        return float(scores.min()), float(scores.max())

    def middle(self, attacker: str) -> float:
        """A threshold between the median clean score and the median attacked one."""
        medians = (np.median(scores) for scores in (self.clean, self.attacked[attacker]))
        return float(np.mean(list(medians)))

    def rates(self, threshold: float, attacker: str) -> tuple[float, float]:
        """False positive rate and true positive rate."""
        sides = self.clean, self.attacked[attacker]
        return tuple(float((scores > threshold).mean()) for scores in sides)

    def figure(self, threshold: float, attacker: str) -> Figure:
        rates, sides = self.rates(threshold, attacker), (self.clean, self.attacked[attacker])
        return scores_and_threshold(*sides, threshold, rates, self.range)


def _grey_levels(mean_squares: np.ndarray) -> np.ndarray:
    """Mean squared differences of images in [0, 1] as root mean squares of grey levels."""
    return 255 * np.sqrt(mean_squares)
