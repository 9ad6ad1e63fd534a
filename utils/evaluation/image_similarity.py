"""How alike two pictures are to the eye. Images in [0, 1]; one number per pair."""

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

LEVELS = 32  # of grey, in a histogram


def psnr(before, after) -> np.ndarray:
    """Peak signal-to-noise ratio in decibels; above about 40 few people see a difference."""
    pairs = zip(_arrays(before), _arrays(after), strict=True)
    return np.array([np.inf if (a == b).all() else _psnr(a, b) for a, b in pairs])


def ssim(before, after) -> np.ndarray:
    """Structural similarity (Wang 2004): 1 for equal pictures."""
    # a third of the time of float64, and the same five digits
    before, after = (_arrays(side).astype(np.float32) for side in (before, after))
    pairs = zip(before, after, strict=True)
    return np.array([structural_similarity(a, b, data_range=1, channel_axis=0) for a, b in pairs])


def histogram_similarity(before, after) -> np.ndarray:
    """The cosine between the histograms of grey levels: 1 for equal ones, wherever they lie."""
    return cosine(*([histogram(levels(image)) for image in _arrays(s)] for s in (before, after)))


def levels(image: np.ndarray) -> np.ndarray:
    """One of a few grey levels for each pixel of an image."""
    return (image.mean(0) * (LEVELS - 1e-3)).astype(np.intp).ravel()


def histogram(levels: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    return np.bincount(levels, weights, minlength=LEVELS).astype(float)


def cosine(one, other) -> np.ndarray:
    """Between the rows of both; 0 where one is nothing."""
    one, other = np.asarray(one), np.asarray(other)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return (one * other).sum(1) / lengths.clip(1e-12)


def _psnr(before: np.ndarray, after: np.ndarray) -> float:
    return peak_signal_noise_ratio(before, after, data_range=1)


def _arrays(images) -> np.ndarray:
    """(n, channels, height, width) in [0, 1], or it is said: with 0 to 255, PSNR would lie."""
    images = np.asarray(images, dtype=np.float64)
    if images.size and (images.min() < -1e-6 or images.max() > 1 + 1e-6):
        raise ValueError(
            f"images must be in [0, 1], got {images.min():.3g} to {images.max():.3g}; "
            "of grey levels, use as_pixels"
        )
    return images
