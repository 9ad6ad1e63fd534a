"""Is another picture hidden in this one? A suspicion for each image, the higher the worse.

Nobody has the original, so the image is compared with what is left of it, shrunk and enlarged
again, or filtered (Kim 2021); or its spectrum is asked.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from utils.contamination.resizers import Resizer, Size
from utils.data.split import to_float
from utils.evaluation.image_similarity import cosine, histogram, histogram_similarity, levels, ssim
from utils.evaluation.roc import FALSE_POSITIVE_RATE

BATCH = 16  # large images
MIN_SCORE = 1e-9  # a suspicion that is none
NEIGHBOURHOOD = 9  # frequencies, over which a spectrum is smooth


def scaling_scores(
    images: Tensor, resizer: Resizer, size: Size, names: Sequence[str] = ()
) -> pd.DataFrame:
    """For large images (n, channels, height, width), uint8, which a pipeline will shrink to this
    size: a row per image, a column for each of these names in MEASURES; none: for all.
    """
    tables = []
    for some in images.split(BATCH):
        small = to_float(resizer(some, size))
        again = F.interpolate(small, images.shape[2:], mode="bilinear").clamp(0, 1)
        found = {name: MEASURES[name](to_float(some), again) for name in names or MEASURES}
        tables.append(pd.DataFrame(found))
    return pd.concat(tables, ignore_index=True)


def fit_thresholds(clean: pd.DataFrame, hiding: pd.DataFrame) -> pd.Series:
    """For each suspicion where to draw the line, given those of images of whom it is known: half
    way, in logarithms, between what few of the clean images exceed and what few of the others
    fall short of. Where these overlap, false alarms come first.
    """
    few = clean.quantile(1 - FALSE_POSITIVE_RATE).clip(lower=MIN_SCORE)
    most = hiding.quantile(FALSE_POSITIVE_RATE).clip(lower=MIN_SCORE)
    return np.sqrt(few * most).where(most > few, few)


def _error(one: Tensor, other: Tensor) -> np.ndarray:
    return (one - other).square().mean((1, 2, 3)).numpy()


def _unlike(one: Tensor, other: Tensor) -> np.ndarray:
    return 1 - ssim(one, other)


def _other_greys(one: Tensor, other: Tensor) -> np.ndarray:
    return 1 - histogram_similarity(one, other)


def _scattered(one: Tensor, other: Tensor) -> np.ndarray:
    """1 minus the cosine between how far from the middle the pixels of each grey level lie
    (Xiao 2019)."""
    return 1 - cosine(*([_distances(image.numpy()) for image in side] for side in (one, other)))


def _distances(image: np.ndarray) -> np.ndarray:
    y, x = (np.linspace(-1, 1, edge) for edge in image.shape[1:])
    level = levels(image)
    sums, counts = histogram(level, np.hypot(y[:, None], x).ravel()), histogram(level)
    return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)


def _dotted(pixels: Tensor, again: Tensor) -> np.ndarray:
    """How much is lost where each pixel becomes the darkest of four."""
    padded = F.pad(pixels, (1, 0, 1, 0), mode="replicate")
    return _error(pixels, -F.max_pool2d(-padded, 2, stride=1))


def _peak(pixels: Tensor, again: Tensor) -> np.ndarray:
    """How many times as high as those around it the highest line of the spectrum is, in either
    direction: pixels that are changed at equal distances are a wave.
    """
    grey = pixels.mean(1)
    lines = [torch.fft.rfft(grey - grey.mean(d, keepdim=True), dim=d).abs() for d in (1, 2)]
    return np.maximum(*(_highest(power, along) for along, power in enumerate(lines, 1)))


def _highest(power: Tensor, along: int) -> np.ndarray:
    lines = power.square().mean(3 - along).clamp_min(1e-12).log().numpy()
    usual = ndimage.median_filter(lines, (1, NEIGHBOURHOOD), mode="nearest")
    return np.exp((lines - usual)[:, NEIGHBOURHOOD // 2 :].max(1))


# Each takes the pixels, and what is left of them after shrinking and enlarging.
MEASURES: dict[str, Callable[[Tensor, Tensor], np.ndarray]] = {
    "difference": _error,
    "unlike (SSIM)": _unlike,
    "other grey levels": _other_greys,
    "grey levels elsewhere": _scattered,
    "minimum filter": _dotted,
    "spectral peak": _peak,
}
