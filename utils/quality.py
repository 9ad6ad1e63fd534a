"""How good are drawn images, and are they new? Features in, numbers with intervals out.

The features are those of any network that has never seen the generator: nothing is fetched.
"""

import numpy as np
import pandas as pd
import torch
from scipy.stats import binomtest
from torch import Tensor

from utils.similarity import nearest, small_grey

DEGREE = 3  # of the kernel
NEIGHBOURS = 3  # whose distance is the radius of the manifold around an image
FAMILIAR = 0.05  # of real test images have a training image at least so near
LEVEL = 0.95


def kid(real: np.ndarray, fake: np.ndarray) -> pd.Series:
    """Kernel inception distance (Binkowski 2018): the unbiased squared maximum mean discrepancy
    under a cubic kernel, with the interval of the jackknife over images of both sides.

    0 where both sides are of one kind; being unbiased it may then lie below.
    """
    real, fake = np.asarray(real, float), np.asarray(fake, float)
    if min(len(real), len(fake)) < 3:
        raise ValueError(f"needs 3 images of each side, got {len(real)} and {len(fake)}")
    within, other, between = _kernel(real, real), _kernel(fake, fake), _kernel(real, fake)
    np.fill_diagonal(within, 0)
    np.fill_diagonal(other, 0)
    left_out = [
        _discrepancy(within.sum() - 2 * within.sum(1), other.sum(), between.sum() - between.sum(1),
                     len(real) - 1, len(fake)),
        _discrepancy(within.sum(), other.sum() - 2 * other.sum(1), between.sum() - between.sum(0),
                     len(real), len(fake) - 1),
    ]  # fmt: skip
    value = _discrepancy(within.sum(), other.sum(), between.sum(), len(real), len(fake))
    spread = np.sqrt(sum((len(each) - 1) * each.var() for each in left_out))
    return pd.Series({"value": value, "low": value - 1.96 * spread, "high": value + 1.96 * spread})


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T / a.shape[1] + 1) ** DEGREE


def _discrepancy(within, other, between, real: int, fake: int):
    """From sums over pairs; the sums within a side leave out each image with itself."""
    return within / (real * (real - 1)) + other / (fake * (fake - 1)) - 2 * between / (real * fake)


def manifold(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """Precision: the share of fakes that lie among real images. Recall: the share of real ones
    that lie among fakes (Kynkaanniemi 2019).
    """
    real, fake = (torch.as_tensor(np.asarray(side), dtype=torch.float64) for side in (real, fake))
    return {"precision": _covered(fake, real), "recall": _covered(real, fake)}


def _covered(images: Tensor, known: Tensor) -> float:
    """Share of the images that lie within the radius of any known one."""
    apart = torch.cdist(known, known)
    radius = apart.kthvalue(min(NEIGHBOURS + 1, len(known))).values  # the nearest is itself
    return float((torch.cdist(images, known) <= radius).any(1).double().mean())


def memorised(train: Tensor, test: Tensor, fake: Tensor) -> pd.Series:
    """Are fakes copies? The share of them nearer to a training image than all but a few real
    test images of new patients are, with its exact interval, and whether it is beyond these few.
    """
    known = small_grey(train)
    of_test, of_fakes = (nearest(small_grey(side), known)[0][:, 0] for side in (test, fake))
    limit = of_test.quantile(FAMILIAR)
    close = int((of_fakes < limit).sum())
    interval = binomtest(close, len(fake)).proportion_ci(LEVEL)
    return pd.Series(
        {
            "distance of test images": float(of_test.median()),
            "distance of fakes": float(of_fakes.median()),
            "copies": close / len(fake),
            "low": interval.low,
            "high": interval.high,
            "memorised": interval.low > FAMILIAR,
        }
    )
