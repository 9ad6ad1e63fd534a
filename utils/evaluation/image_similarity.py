"""How similar two images look. Images in [0, 1]; one number per pair."""

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

LEVELS = 32  # of grey, in a histogram


def psnr(before, after) -> np.ndarray:
    """Peak signal-to-noise ratio in decibels; a difference above about 40 is hard to see."""
    pairs = zip(_arrays(before), _arrays(after), strict=True)
    return np.array([np.inf if (a == b).all() else _psnr(a, b) for a, b in pairs])


def ssim(before, after) -> np.ndarray:
    """Structural similarity (Wang 2004): 1 for equal images."""
    # a third of the time of float64, and the same five digits
    before, after = (_arrays(side).astype(np.float32) for side in (before, after))
    pairs = zip(before, after, strict=True)
    return np.array([structural_similarity(a, b, data_range=1, channel_axis=0) for a, b in pairs])


def histogram_similarity(before, after) -> np.ndarray:
    """The cosine between the histograms of grey levels: 1 for equal histograms."""
    sides = (_arrays(before), _arrays(after))
    return cosine(*([histogram(levels(image)) for image in side] for side in sides))


def levels(image: np.ndarray) -> np.ndarray:
    """Each pixel of an image as one of LEVELS grey levels."""
    return (image.mean(0) * (LEVELS - 1e-3)).astype(np.intp).ravel()


def histogram(levels: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    return np.bincount(levels, weights, minlength=LEVELS).astype(float)


def cosine(one, other) -> np.ndarray:
    """Between the rows of both; 0 where a row is zero."""
    one, other = np.asarray(one), np.asarray(other)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return (one * other).sum(1) / lengths.clip(1e-12)


def _psnr(before: np.ndarray, after: np.ndarray) -> float:
    return peak_signal_noise_ratio(before, after, data_range=1)


def _arrays(images) -> np.ndarray:
    """(n, channels, height, width), checked: PSNR would be wrong for pixels from 0 to 255."""
    images = np.asarray(images, dtype=np.float64)
    if images.size and (images.min() < -1e-6 or images.max() > 1 + 1e-6):
        raise ValueError(
            f"images must be in [0, 1], got {images.min():.3g} to {images.max():.3g}; "
            "convert grey levels with to_float first"
        )
    return images
