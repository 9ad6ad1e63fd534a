"""How alike two pictures are to the eye. Images in [0, 1]; one number per pair."""

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def psnr(before, after) -> np.ndarray:
    """Peak signal-to-noise ratio in decibels; above about 40 few people see a difference."""
    pairs = zip(_arrays(before), _arrays(after), strict=True)
    return np.array([np.inf if (a == b).all() else _psnr(a, b) for a, b in pairs])


def ssim(before, after) -> np.ndarray:
    """Structural similarity (Wang 2004): 1 for equal pictures."""
    pairs = zip(_arrays(before), _arrays(after), strict=True)
    return np.array([structural_similarity(a, b, data_range=1, channel_axis=0) for a, b in pairs])


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
