"""How realistic are generated images? Features in, numbers with intervals out.

Any network that has not been trained on the generated images will do for the features.
"""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from utils.evaluation.intervals import LEVEL, Interval

DEGREE = 3  # of the kernel
MANIFOLD_NEIGHBOURS = 3  # whose distance is the radius of the manifold around an image
PERMUTATIONS = 500  # of the two sides, for the chance level


def kid(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> pd.Series:
    """Kernel inception distance (Binkowski 2018): the unbiased squared maximum mean discrepancy
    under a cubic kernel, with the interval of the jackknife over images of both sides.

    0 for two sides of the same distribution; being unbiased, the estimate can then be negative,
    and its interval is too narrow. `chance` is the 95 % quantile when the sides are permuted.
    """
    real, fake = np.asarray(real, float), np.asarray(fake, float)
    if min(len(real), len(fake)) < 3:
        raise ValueError(f"needs 3 images of each side, got {len(real)} and {len(fake)}")
    kernel = _kernel(np.vstack([real, fake]))
    side = np.arange(len(kernel)) < len(real)
    value, spread = _discrepancy(kernel, side[None])[0], _jackknife(kernel, side)
    permuted = np.random.default_rng(seed).permuted(np.tile(side, (PERMUTATIONS, 1)), axis=1)
    chance = np.quantile(_discrepancy(kernel, permuted), LEVEL)
    found = Interval(value, value - 1.96 * spread, value + 1.96 * spread)
    return pd.Series({**found._asdict(), "chance": chance}, name="KID")


def _kernel(images: np.ndarray) -> np.ndarray:
    """Between all pairs, without the diagonal."""
    kernel = (images @ images.T / images.shape[1] + 1) ** DEGREE
    np.fill_diagonal(kernel, 0)
    return kernel


def _discrepancy(kernel: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """One for each row of `sides`, in which true means a real image."""
    real, fake = sides.astype(float), (~sides).astype(float)
    to_real = real @ kernel
    within, between = (to_real * real).sum(1), (to_real * fake).sum(1)
    other = (fake @ kernel * fake).sum(1)
    return _of_sums(within, other, between, real.sum(1), fake.sum(1))


def _jackknife(kernel: np.ndarray, side: np.ndarray) -> float:
    """The standard error, from leaving out each image in turn."""
    to_real, to_fake = kernel[:, side].sum(1), kernel[:, ~side].sum(1)
    within, other, between = to_real[side].sum(), to_fake[~side].sum(), to_fake[side].sum()
    n, m = side.sum(), (~side).sum()
    left_out = [
        _of_sums(within - 2 * to_real[side], other, between - to_fake[side], n - 1, m),
        _of_sums(within, other - 2 * to_fake[~side], between - to_real[~side], n, m - 1),
    ]
    return float(np.sqrt(sum((len(each) - 1) * each.var() for each in left_out)))


def _of_sums(within, other, between, n, m):
    return within / (n * (n - 1)) + other / (m * (m - 1)) - 2 * between / (n * m)


def manifold(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """Precision, recall and density, from spheres that reach to the third neighbour of an image.

    Precision: the share of fakes inside a sphere of a real image. Recall: the share of real
    images inside a sphere of a fake (Kynkaanniemi 2019). Density: the number of spheres of real
    images around a fake, over the expected three (Naeem 2020); unlike precision, it is robust
    against a single outlier with a large sphere.
    """
    real, fake = (torch.as_tensor(np.asarray(side), dtype=torch.float64) for side in (real, fake))
    around_real, around_fake = _inside(fake, real), _inside(real, fake)
    return {
        "precision": float((around_real > 0).double().mean()),
        "recall": float((around_fake > 0).double().mean()),
        "density": float(around_real.double().mean()) / MANIFOLD_NEIGHBOURS,
    }


def _inside(images: Tensor, known: Tensor) -> Tensor:
    """For each image, the number of known images whose sphere contains it."""
    apart = torch.cdist(known, known)
    radius = apart.kthvalue(
        min(MANIFOLD_NEIGHBOURS + 1, len(known))
    ).values  # the nearest is itself
    return (torch.cdist(images, known) <= radius).sum(1)
