"""How realistic are generated images, and are they new? Features in, numbers with intervals out.

Any network that has not been trained on the generated images will do for the features.
"""

import numpy as np
import pandas as pd
import torch
from scipy.stats import betabinom
from torch import Tensor

from utils.data.duplicates import nearest, small_grey
from utils.evaluation.intervals import LEVEL, Interval, share
from utils.evaluation.predictions import Predictions

DEGREE = 3  # of the kernel
MANIFOLD_NEIGHBOURS = 3  # whose distance is the radius of the manifold around an image
FAMILIAR = 0.05  # share of real test images that count as close to a training image
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


def memorisation_test(train: Tensor, test: Tensor, fake: Tensor) -> pd.Series:
    """Are fakes copies? The share of fakes closer to a training image than the 5th percentile of
    real test images, with an exact interval and a beta-binomial p-value, which accounts for
    estimating the percentile.
    """
    known = small_grey(train)
    of_test, of_fakes = (nearest(small_grey(side), known)[0][:, 0] for side in (test, fake))
    few = max(1, round(FAMILIAR * len(test)))
    copies = share((of_fakes < of_test.kthvalue(few).values).numpy())
    p = float(betabinom.sf(copies["right"] - 1, len(fake), few, len(test) + 1 - few))
    return pd.Series(
        {
            "distance of test images": float(of_test.median()),
            "distance of fakes": float(of_fakes.median()),
            "copies": copies["value"],
            "low": copies["low"],
            "high": copies["high"],
            "p": p,
            "memorised": p < (1 - LEVEL) / 2,
        }
    )


def classifier_agreement(first: Predictions, second: Predictions) -> pd.DataFrame:
    """The predictions of an independent second network on images that the first one misclassifies.

    Shares with exact intervals, and the chance level: the share if the predictions of the second
    were permuted.
    """
    missed = ~first.right
    predicted = second.probabilities.argmax(1)[missed]
    references = {
        "the intended class": first.labels[missed],
        "prediction of the first": first.probabilities.argmax(1)[missed],
    }
    rows = {name: _agreement(predicted, r, first.classes) for name, r in references.items()}
    return pd.DataFrame(rows, index=["value", "low", "high", "of", "chance"]).T


def _agreement(predicted: np.ndarray, reference: np.ndarray, classes: int) -> dict:
    counts = (np.bincount(each, minlength=classes) for each in (predicted, reference))
    pairs = np.prod(list(counts), 0).sum()
    chance = pairs / len(predicted) ** 2 if len(predicted) else np.nan
    return {**share(predicted == reference), "chance": chance}
