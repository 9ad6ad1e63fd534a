"""How good are drawn images, and are they new? Features in, numbers with intervals out.

The features are those of any network that has never seen the generator: nothing is fetched.
"""

import numpy as np
import pandas as pd
import torch
from scipy.stats import betabinom
from torch import Tensor

from utils.data.duplicates import nearest, small_grey
from utils.evaluation.intervals import LEVEL, share
from utils.evaluation.predictions import Predictions

DEGREE = 3  # of the kernel
MANIFOLD_NEIGHBOURS = 3  # whose distance is the radius of the manifold around an image
FAMILIAR = 0.05  # of real test images have a training image at least so near
DEALS = 500  # how often two sides are dealt out anew, to see what chance does


def kid(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> pd.Series:
    """Kernel inception distance (Binkowski 2018): the unbiased squared maximum mean discrepancy
    under a cubic kernel, with the interval of the jackknife over images of both sides.

    0 where both sides are of one kind; being unbiased it may then lie below, and the interval is
    too narrow. So `chance` says how far it gets where the images of both are dealt out anew.
    """
    real, fake = np.asarray(real, float), np.asarray(fake, float)
    if min(len(real), len(fake)) < 3:
        raise ValueError(f"needs 3 images of each side, got {len(real)} and {len(fake)}")
    kernel = _kernel(np.vstack([real, fake]))
    side = np.arange(len(kernel)) < len(real)
    value, spread = _discrepancy(kernel, side[None])[0], _jackknife(kernel, side)
    dealt = np.random.default_rng(seed).permuted(np.tile(side, (DEALS, 1)), axis=1)
    chance = np.quantile(_discrepancy(kernel, dealt), LEVEL)
    low, high = value - 1.96 * spread, value + 1.96 * spread
    return pd.Series({"value": value, "low": low, "high": high, "chance": chance}, name="KID")


def _kernel(images: np.ndarray) -> np.ndarray:
    """Between all pairs; nobody is compared with himself."""
    kernel = (images @ images.T / images.shape[1] + 1) ** DEGREE
    np.fill_diagonal(kernel, 0)
    return kernel


def _discrepancy(kernel: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """One for each row of `sides`, which says of every image whether it is real."""
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
    """Around each image a sphere that reaches to its third neighbour of the same side.

    Precision: the share of fakes that lie in a sphere of a real image. Recall: the share of real
    ones that lie in a sphere of a fake (Kynkaanniemi 2019). Density: in how many spheres of
    real images a fake lies, in units of the three that are usual (Naeem 2020); a single
    real image far out, with a large sphere, decides precision but not this.
    """
    real, fake = (torch.as_tensor(np.asarray(side), dtype=torch.float64) for side in (real, fake))
    around_real, around_fake = _inside(fake, real), _inside(real, fake)
    return {
        "precision": float((around_real > 0).double().mean()),
        "recall": float((around_fake > 0).double().mean()),
        "density": float(around_real.double().mean()) / MANIFOLD_NEIGHBOURS,
    }


def _inside(images: Tensor, known: Tensor) -> Tensor:
    """For each image the number of known ones within whose radius it lies."""
    apart = torch.cdist(known, known)
    radius = apart.kthvalue(
        min(MANIFOLD_NEIGHBOURS + 1, len(known))
    ).values  # the nearest is itself
    return (torch.cdist(images, known) <= radius).sum(1)


def memorisation_test(train: Tensor, test: Tensor, fake: Tensor) -> pd.Series:
    """Are fakes copies? The share of them nearer to a training image than all but a few real
    test images of new patients are, with its exact interval, and how likely so many or more
    were if fakes were new patients too (p, exact: the few are no better known than their number).
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


def agreement(first: Predictions, second: Predictions) -> pd.DataFrame:
    """Of the images to which the first network gives another class than was asked for: what an
    independent second one says of them. Shares with exact intervals, and what each would be if
    the second gave the same answers to these images in any other order.
    """
    missed = ~first.right
    said = second.probabilities.argmax(1)[missed]
    answers = {
        "the class that was asked for": first.labels[missed],
        "what the first one says": first.probabilities.argmax(1)[missed],
    }
    rows = {name: _agreement(said, other, first.classes) for name, other in answers.items()}
    return pd.DataFrame(rows, index=["value", "low", "high", "of", "chance"]).T


def _agreement(said: np.ndarray, other: np.ndarray, classes: int) -> dict:
    counts = (np.bincount(each, minlength=classes) for each in (said, other))
    chance = np.prod(list(counts), 0).sum() / len(said) ** 2 if len(said) else np.nan
    return {**share(said == other), "chance": chance}
