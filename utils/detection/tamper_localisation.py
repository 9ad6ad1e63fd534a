"""Where was an image repainted? A map for each image, and how well it points at the truth.

Every scanner leaves grain all over its images. A painter leaves grain of its own, and only where
it painted. So the grain around each pixel is compared with that of the same image elsewhere.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import rankdata
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from utils.data.split import Split, to_float
from utils.evaluation.intervals import Interval, mean_of
from utils.run import device_of

WINDOWS = (5, 9)  # pixels: sides of the squares over which grain is averaged
MIN_GRAIN = 1 / 255  # weaker grain counts as this: its logarithm is taken
HOTTEST = 0.03  # of the pixels: their mean is the score of an image
PIXELS = 80  # of each image, as many in the region as outside, that a localiser learns from
HIDDEN = 24  # units between the features and the answer
EPOCHS = 30  # of this network
IMAGES_PER_BATCH = 256  # images
LINE = torch.tensor([1.0, -2.0, 1.0])


def high_pass_filters() -> Tensor:
    """Five filters (5, 1, 5, 5) that leave no flat area and no slope (after Fridrich 2012)."""
    second = torch.zeros(5, 5)
    second[2, 1:4] = LINE
    third = torch.zeros(5, 5)
    third[2, 1:5] = torch.tensor([1.0, -3.0, 3.0, -1.0])
    square = F.pad(torch.outer(LINE, LINE), (1, 1, 1, 1))
    bank = torch.stack([second, second.T, third, third.T, square])
    return (bank / bank.square().sum((1, 2), keepdim=True).sqrt())[:, None]


def grain_features(images: Tensor, filters: Tensor) -> Tensor:
    """(n, features, height, width): the strength of the grain around each pixel, relative to that
    of the whole image, and how alike neighbouring pixels of the grain are."""
    grey = images.mean(1, keepdim=True)
    residual = F.conv2d(F.pad(grey, (2, 2, 2, 2), mode="reflect"), filters)
    strength = [_mean_around(residual.abs(), side) for side in WINDOWS]
    logs = torch.cat(strength, 1).clamp_min(MIN_GRAIN / 4).log()
    logs = logs - logs.flatten(2).mean(2)[:, :, None, None]
    alike = [_likeness(residual, residual.roll(1, axis)) for axis in (2, 3)]
    bright = _mean_around(grey, WINDOWS[0])
    return torch.cat([logs, *alike, bright], 1)


class TamperLocaliser(nn.Module):
    """The log-odds that each pixel was repainted; a small network on the grain around it."""

    def __init__(self):
        super().__init__()
        self.register_buffer("filters", high_pass_filters())
        self.layers = nn.Sequential()

    def fit(self, tampered: Sequence[Split], regions: Sequence[Tensor], seed: int = 0):
        """Learn from tampered images and the regions (n, height, width) that were repainted."""
        rng = np.random.default_rng(seed)
        rows = [self._rows(*each, rng) for each in zip(tampered, regions, strict=True)]
        inputs, repainted = (np.concatenate(column) for column in zip(*rows, strict=True))
        scale = StandardScaler().fit(inputs)
        network = MLPClassifier((HIDDEN,), max_iter=EPOCHS, alpha=1e-3, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # so many epochs are enough
            fitted = network.fit(scale.transform(inputs), repainted)
        self.layers = _as_convolutions(scale, fitted).to(device_of(self))
        return self

    def forward(self, images: Tensor) -> Tensor:
        """(n, height, width), from images in [0, 1]."""
        return self.layers(grain_features(images, self.filters))[:, 0]

    def maps(self, split: Split) -> np.ndarray:
        """(n, height, width): the log-odds that each pixel was repainted."""
        with torch.no_grad():
            parts = split.images.split(IMAGES_PER_BATCH)
            found = [self(to_float(part.to(device_of(self)))).cpu() for part in parts]
        return torch.cat(found).numpy()

    def score(self, split: Split) -> np.ndarray:
        """One number per image; higher is more suspicious."""
        return image_scores(self.maps(split))

    def _rows(self, split: Split, regions: Tensor, rng) -> tuple[np.ndarray, np.ndarray]:
        """Features of some pixels of each tampered image, and whether each was repainted."""
        inputs, repainted = [], []
        for images, inside in zip(split.images.split(64), regions.split(64), strict=True):
            found = grain_features(to_float(images), self.filters.cpu()).numpy()
            for features, where in zip(found, inside.numpy(), strict=True):
                places = [np.argwhere(where == side) for side in (True, False)]
                chosen = [rng.permutation(each)[: PIXELS // 2] for each in places if len(each)]
                for rows, columns in (each.T for each in chosen):
                    inputs.append(features[:, rows, columns].T)
                    repainted.append(where[rows, columns])
        return np.concatenate(inputs), np.concatenate(repainted)


class TamperVerdict(nn.Module):
    """A localiser as a classifier of images, untouched or tampered: what an attacker can climb."""

    def __init__(self, localiser: TamperLocaliser, threshold: float):
        super().__init__()
        self.localiser, self.threshold = localiser, threshold

    def forward(self, images: Tensor) -> Tensor:
        score = hottest_mean(self.localiser(images)) - self.threshold
        return torch.stack([-score / 2, score / 2], 1)


def image_scores(maps: np.ndarray) -> np.ndarray:
    """One number per map: the mean of its hottest pixels."""
    return hottest_mean(torch.as_tensor(maps)).numpy()


def hottest_mean(maps: Tensor) -> Tensor:
    """The same for tensors, with a gradient."""
    flat = maps.flatten(1)
    return flat.topk(max(1, round(HOTTEST * flat.shape[1]))).values.mean(1)


def pointing(maps: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Whether the hottest pixel of each map lies in its region (Zhang 2018)."""
    hottest = maps.reshape(len(maps), -1).argmax(1)
    return regions.reshape(len(maps), -1)[np.arange(len(maps)), hottest].astype(float)


def pixel_auroc(maps: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """How well each map separates the pixels in its region from the others; 0.5 is chance."""
    inside = regions.reshape(len(maps), -1)
    ranks = rankdata(maps.reshape(len(maps), -1), axis=1)
    painted, others = inside.sum(1), (~inside).sum(1)
    below = (ranks * inside).sum(1) - painted * (painted + 1) / 2
    return np.divide(below, painted * others, out=np.full(len(maps), np.nan), where=painted > 0)


def iou(maps: np.ndarray, regions: np.ndarray, threshold: float) -> np.ndarray:
    """Intersection over union of each region and what lies above the threshold."""
    hot = maps > threshold
    union = (hot | regions).sum((1, 2))
    return np.divide((hot & regions).sum((1, 2)), union, out=np.zeros(len(maps)), where=union > 0)


def best_threshold(maps: np.ndarray, regions: np.ndarray) -> float:
    """The threshold with the highest mean IoU, to be chosen on other images than are scored."""
    tried = np.quantile(maps, np.linspace(0.5, 0.99, 50))
    return float(max(tried, key=lambda threshold: iou(maps, regions, threshold).mean()))


def localisation_scores(
    maps: np.ndarray, regions: Tensor, threshold: float, patients: np.ndarray
) -> dict[str, Interval]:
    """Pointing, pixel AUROC and IoU, each a mean over images with its interval over patients."""
    where = regions.numpy()
    found = {
        "pointing": pointing(maps, where),
        "pixel AUROC": pixel_auroc(maps, where),
        "IoU": iou(maps, where, threshold),
    }
    return {name: mean_of(values, patients) for name, values in found.items()}


def _mean_around(values: Tensor, side: int) -> Tensor:
    """The mean over a square; row by row, then column by column, because that is quicker."""
    for window in ((side, 1), (1, side)):
        padding = (window[0] // 2, window[1] // 2)
        values = F.avg_pool2d(values, window, 1, padding, count_include_pad=False)
    return values


def _likeness(first: Tensor, second: Tensor) -> Tensor:
    """The local correlation of two residuals."""
    power = _mean_around(first.square(), WINDOWS[1]).clamp_min(MIN_GRAIN**2)
    return _mean_around(first * second, WINDOWS[1]) / power


def _as_convolutions(scale: StandardScaler, fitted: MLPClassifier) -> nn.Sequential:
    """The fitted network as convolutions of one pixel, the scale of the inputs within."""
    (first, second), (shift, last) = fitted.coefs_, fitted.intercepts_
    first, shift = first / scale.scale_[:, None], shift - (scale.mean_ / scale.scale_) @ first
    layers = []
    for weight, bias in ((first, shift), (second, last)):
        layer = nn.Conv2d(*weight.shape, 1)
        layer.weight.data = torch.tensor(weight.T[:, :, None, None], dtype=torch.float32)
        layer.bias.data = torch.tensor(bias, dtype=torch.float32)
        layers.append(layer)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1]).requires_grad_(False)
