"""Is another image hidden in a large one? Detectors of the image-scaling attack.

There is no original to compare with. So the image is compared with itself after shrinking and
enlarging, or after a filter (Kim 2021); the pixels that the resizer reads are compared with all
others; or the spectrum is searched for a regular pattern.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
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
TILE = 8  # pixels of the small image: the width of a tile
GREY_LEVEL = (1 / 255) ** 2  # roughness below this is rounding


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
        seen = Comparison(some, resizer, size)
        tables.append(pd.DataFrame({name: MEASURES[name](seen) for name in names or MEASURES}))
    return pd.concat(tables, ignore_index=True)


def fit_thresholds(clean: pd.DataFrame, hiding: pd.DataFrame) -> pd.Series:
    """A threshold for each column, half way on a logarithmic scale between both sides.

    It lies between what 99 % of the clean scores stay below and 99 % of the others exceed. Where
    these overlap, the false positive rate decides.
    """
    few = clean.quantile(1 - FALSE_POSITIVE_RATE).clip(lower=MIN_SCORE)
    most = hiding.quantile(FALSE_POSITIVE_RATE).clip(lower=MIN_SCORE)
    return np.sqrt(few * most).where(most > few, few)


@dataclass(frozen=True)
class Comparison:
    """Large images (uint8), and what a detector may compare them with."""

    images: Tensor
    resizer: Resizer
    size: Size

    @cached_property
    def pixels(self) -> Tensor:
        return to_float(self.images)

    @cached_property
    def again(self) -> Tensor:
        """The images after shrinking and enlarging."""
        small = to_float(self.resizer(self.images, self.size))
        return F.interpolate(small, self.images.shape[2:], mode="bilinear").clamp(0, 1)

    @property
    def ratios(self) -> list[float]:
        """Large pixels to a small one, down and across."""
        return [a / b for a, b in zip(self.images.shape[2:], self.size, strict=True)]

    @cached_property
    def attention(self) -> tuple[Tensor, Tensor]:
        """How much the resizer listens to each row and to each column, 1 on average."""
        sizes = zip(self.images.shape[2:], self.size, strict=True)
        rows, columns = (self.resizer.matrix(*pair).square().sum(0).float() for pair in sizes)
        return (rows / rows.mean())[:, None], columns / columns.mean()

    @cached_property
    def roughness(self) -> Tensor:
        """How far each pixel is from the median of those around it: squares (n, 1, height, width).

        The window is as wide as a small pixel, so a few pixels that are moved do not move it.
        """
        window = max(3, 2 * (round(max(self.ratios)) // 2) + 1)
        planes = self.images.flatten(0, 1).numpy()
        medians = np.stack([cv2.medianBlur(plane, window) for plane in planes])
        away = (planes.astype(np.float32) - medians) / 255
        squares = torch.from_numpy(away).square().view(self.images.shape)
        return squares.mean(1, keepdim=True)


def _error(one: Tensor, other: Tensor) -> np.ndarray:
    return (one - other).square().mean((1, 2, 3)).numpy()


def _difference(seen: Comparison) -> np.ndarray:
    return _error(seen.pixels, seen.again)


def _dissimilarity(seen: Comparison) -> np.ndarray:
    return 1 - ssim(seen.pixels, seen.again)


def _histogram_difference(seen: Comparison) -> np.ndarray:
    return 1 - histogram_similarity(seen.pixels, seen.again)


def _grey_level_shift(seen: Comparison) -> np.ndarray:
    """1 minus the cosine between the mean distances of grey levels from the centre (Xiao 2019)."""
    sides = ([_distances(image.numpy()) for image in side] for side in (seen.pixels, seen.again))
    return 1 - cosine(*sides)


def _distances(image: np.ndarray) -> np.ndarray:
    y, x = (np.linspace(-1, 1, edge) for edge in image.shape[1:])
    level = levels(image)
    sums, counts = histogram(level, np.hypot(y[:, None], x).ravel()), histogram(level)
    return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)


def _minimum_filter(seen: Comparison) -> np.ndarray:
    """The error after each pixel becomes the darkest of four."""
    padded = F.pad(seen.pixels, (1, 0, 1, 0), mode="replicate")
    return _error(seen.pixels, -F.max_pool2d(-padded, 2, stride=1))


def _spectral_peak(seen: Comparison) -> np.ndarray:
    """The highest line of the spectrum, relative to its neighbours, in either direction.

    Pixels that are changed at equal distances form a wave.
    """
    grey = seen.pixels.mean(1)
    lines = [torch.fft.rfft(grey - grey.mean(d, keepdim=True), dim=d).abs() for d in (1, 2)]
    return np.maximum(*(_highest(power, along) for along, power in enumerate(lines, 1)))


def _highest(power: Tensor, along: int) -> np.ndarray:
    lines = power.square().mean(3 - along).clamp_min(1e-12).log().numpy()
    usual = ndimage.median_filter(lines, (1, NEIGHBOURHOOD), mode="nearest")
    return np.exp((lines - usual)[:, NEIGHBOURHOOD // 2 :].max(1))


def _read_pixels(seen: Comparison) -> np.ndarray:
    """How much rougher the pixels are that the resizer reads than the others: about 1 if clean.

    Noise and print make all pixels rough. A line of a letter may lie on a row that is read, or on a
    column, so the smaller excess of the two directions counts.
    """
    return _excess(seen, lambda values: values.mean((2, 3)))[:, 0]


def _read_pixels_in_a_tile(seen: Comparison) -> np.ndarray:
    """The same in the tile where it is largest: what is hidden may be small (Quiring 2023)."""
    edges = [max(1, round(TILE * ratio)) for ratio in seen.ratios]
    tile = [min(pair) for pair in zip(edges, seen.images.shape[2:], strict=True)]
    step = [max(1, edge // 2) for edge in tile]
    return _excess(seen, lambda values: F.avg_pool2d(values, tile, step).flatten(1)).max(1)


def _excess(seen: Comparison, mean: Callable[[Tensor], Tensor]) -> np.ndarray:
    """Roughness of what is read over all roughness, by a `mean` over the image or over tiles."""
    everywhere = mean(seen.roughness) + GREY_LEVEL
    read = [mean(seen.roughness * each) + GREY_LEVEL for each in seen.attention]
    return (torch.minimum(*read) / everywhere).numpy()


MEASURES: dict[str, Callable[[Comparison], np.ndarray]] = {  # one number per image
    "difference": _difference,
    "unlike (SSIM)": _dissimilarity,
    "other grey levels": _histogram_difference,
    "grey levels elsewhere": _grey_level_shift,
    "minimum filter": _minimum_filter,
    "spectral peak": _spectral_peak,
    "read pixels": _read_pixels,
    "read pixels, worst tile": _read_pixels_in_a_tile,
}
