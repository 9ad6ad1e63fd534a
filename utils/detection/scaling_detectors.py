"""Is another image hidden in a large one? Detectors of the image-scaling attack.

There is no original to compare with. So the image is compared with itself after shrinking and
enlarging, or after a filter (Kim 2021), or its spectrum is searched for a regular pattern.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from utils.contamination.resizers import Resizer, Size
from utils.data.split import Split, to_float
from utils.evaluation.image_similarity import cosine, histogram, histogram_similarity, levels, ssim
from utils.evaluation.roc import FALSE_POSITIVE_RATE

LARGE_IMAGES_PER_BATCH = 16  # large images
MIN_SCORE = 1e-9  # smaller scores count as this one: their logarithm is taken
NEIGHBOURHOOD = 9  # frequencies over which a clean spectrum is smooth


class ScalingDetector:
    """One measure for images that a pipeline will shrink with this resizer to this size."""

    def __init__(self, resizer: Resizer, size: Size, measure: str):
        if measure not in MEASURES:
            raise ValueError(f"unknown measure {measure!r}; choose from {', '.join(MEASURES)}")
        self.resizer, self.size, self.measure = resizer, size, measure
        self.threshold = float("nan")

    def fit(self, clean: Split, hiding: Split) -> "ScalingDetector":
        """Set the threshold between clean images and images that hide another one."""
        tables = [pd.DataFrame({self.measure: self.score(part)}) for part in (clean, hiding)]
        self.threshold = float(fit_thresholds(*tables)[self.measure])
        return self

    def score(self, split: Split) -> np.ndarray:
        """One number per image; higher is more suspicious."""
        table = scaling_scores(split.images, self.resizer, self.size, [self.measure])
        return table[self.measure].to_numpy()


def scaling_scores(
    images: Tensor, resizer: Resizer, size: Size, names: Sequence[str] = ()
) -> pd.DataFrame:
    """A row per large image (uint8), a column for each of these MEASURES; all if none is named."""
    tables = []
    for some in images.split(LARGE_IMAGES_PER_BATCH):
        small = to_float(resizer(some, size))
        again = F.interpolate(small, images.shape[2:], mode="bilinear").clamp(0, 1)
        found = {name: MEASURES[name](to_float(some), again) for name in names or MEASURES}
        tables.append(pd.DataFrame(found))
    return pd.concat(tables, ignore_index=True)


def fit_thresholds(clean: pd.DataFrame, hiding: pd.DataFrame) -> pd.Series:
    """A threshold for each column, half way on a logarithmic scale between both sides.

    It lies between what 99 % of the clean scores stay below and 99 % of the others exceed. Where
    these overlap, the false positive rate decides.
    """
    few = clean.quantile(1 - FALSE_POSITIVE_RATE).clip(lower=MIN_SCORE)
    most = hiding.quantile(FALSE_POSITIVE_RATE).clip(lower=MIN_SCORE)
    return np.sqrt(few * most).where(most > few, few)


def _error(one: Tensor, other: Tensor) -> np.ndarray:
    return (one - other).square().mean((1, 2, 3)).numpy()


def _dissimilarity(one: Tensor, other: Tensor) -> np.ndarray:
    return 1 - ssim(one, other)


def _histogram_difference(one: Tensor, other: Tensor) -> np.ndarray:
    return 1 - histogram_similarity(one, other)


def _grey_level_shift(one: Tensor, other: Tensor) -> np.ndarray:
    """1 minus the cosine between the mean distances of grey levels from the centre (Xiao 2019)."""
    return 1 - cosine(*([_distances(image.numpy()) for image in side] for side in (one, other)))


def _distances(image: np.ndarray) -> np.ndarray:
    y, x = (np.linspace(-1, 1, edge) for edge in image.shape[1:])
    level = levels(image)
    sums, counts = histogram(level, np.hypot(y[:, None], x).ravel()), histogram(level)
    return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)


def _minimum_filter(pixels: Tensor, again: Tensor) -> np.ndarray:
    """The error after each pixel becomes the darkest of four."""
    padded = F.pad(pixels, (1, 0, 1, 0), mode="replicate")
    return _error(pixels, -F.max_pool2d(-padded, 2, stride=1))


def _spectral_peak(pixels: Tensor, again: Tensor) -> np.ndarray:
    """The highest line of the spectrum, relative to its neighbours, in either direction.

    Pixels that are changed at equal distances form a wave.
    """
    grey = pixels.mean(1)
    lines = [torch.fft.rfft(grey - grey.mean(d, keepdim=True), dim=d).abs() for d in (1, 2)]
    return np.maximum(*(_highest(power, along) for along, power in enumerate(lines, 1)))


def _highest(power: Tensor, along: int) -> np.ndarray:
    lines = power.square().mean(3 - along).clamp_min(1e-12).log().numpy()
    usual = ndimage.median_filter(lines, (1, NEIGHBOURHOOD), mode="nearest")
    return np.exp((lines - usual)[:, NEIGHBOURHOOD // 2 :].max(1))


# (pixels, the same after shrinking and enlarging) -> one number per image
MEASURES: dict[str, Callable[[Tensor, Tensor], np.ndarray]] = {
    "difference": _error,
    "unlike (SSIM)": _dissimilarity,
    "other grey levels": _histogram_difference,
    "grey levels elsewhere": _grey_level_shift,
    "minimum filter": _minimum_filter,
    "spectral peak": _spectral_peak,
}
