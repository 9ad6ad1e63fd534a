"""How realistic are generated images? Features or images in, numbers with intervals out.

Any network that has not been trained on the generated images will do for the features. Patches of
the images need none: where a network is blind, they may see a difference, and the reverse.
"""

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from utils.evaluation.intervals import LEVEL, Interval

DEGREE = 3  # of the kernel
MANIFOLD_NEIGHBOURS = 3  # whose distance is the radius of the manifold around an image
PERMUTATIONS = 500  # of the two sides, for the chance level
PATCH = 7  # pixels, width and height
PATCHES = 16  # of an image, at each scale
SCALES = 3  # detail of the image, of its half, and what is left
DIRECTIONS = 32  # to which patches are projected
BLOCKS = 20  # of images, each left out once
SHUFFLES = 100  # of the two sides


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


def sliced_wasserstein(real: Tensor, fake: Tensor, seed: int = 0) -> pd.Series:
    """How far patches of fakes lie from patches of real images, without any network (Karras 2018).

    Takes images (n, channels, height, width) in [0, 1], and of the larger side as many as of the
    other. Patches of the detail at three scales are projected to random directions; along each,
    both sides are sorted and compared. 1 is the spread of real patches. It is above 0 for two sides
    of the same patients, too: compare it with `chance`, the 95 % quantile when the sides are
    permuted. The interval is that of the jackknife over blocks of images.
    """
    count = min(len(real), len(fake))
    if count < BLOCKS:
        raise ValueError(f"needs {BLOCKS} images of each side, got {len(real)} and {len(fake)}")
    rng = torch.Generator().manual_seed(seed)
    scales = zip(_details(real[:count]), _details(fake[:count]), strict=True)
    both = [_projections(*sides, rng) for sides in scales]
    value = _between(both, torch.arange(count), torch.arange(count, 2 * count))
    spread = _blocks_left_out(both, count)
    shuffles = [torch.randperm(2 * count, generator=rng).split(count) for _ in range(SHUFFLES)]
    chance = np.quantile([_between(both, *sides) for sides in shuffles], LEVEL)
    found = Interval(value, value - 1.96 * spread, value + 1.96 * spread)
    return pd.Series({**found._asdict(), "chance": chance}, name="sliced Wasserstein")


def _details(images: Tensor) -> list[Tensor]:
    """What each halving takes away, and the smallest image (a Laplacian pyramid)."""
    found = []
    for _ in range(SCALES - 1):
        half = F.avg_pool2d(images, 2)
        found.append(images - F.interpolate(half, images.shape[2:], mode="bilinear"))
        images = half
    return [*found, images]


def _projections(real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """(directions, images of both sides, patches), in units of the spread of the real patches."""
    images = torch.cat([real, fake])
    edge = min(PATCH, *images.shape[2:])
    windows = images.unfold(2, edge, 1).unfold(3, edge, 1)
    each, (high, wide) = torch.arange(len(images))[:, None], windows.shape[2:4]
    rows, columns = (
        torch.randint(end, (len(images), PATCHES), generator=rng) for end in (high, wide)
    )
    patches = windows[each, :, rows, columns].flatten(2)
    known = patches[: len(real)]
    ways = F.normalize(torch.randn(patches.shape[2], DIRECTIONS, generator=rng), dim=0)
    return (((patches - known.mean()) / known.std()) @ ways).permute(2, 0, 1)


def _between(both: list[Tensor], real: Tensor, fake: Tensor) -> float:
    """The mean distance of sorted projections, of these places among the images of both sides."""
    sides = ([each[:, some].flatten(1).sort().values for some in (real, fake)] for each in both)
    return float(np.mean([float((first - second).abs().mean()) for first, second in sides]))


def _blocks_left_out(both: list[Tensor], count: int) -> float:
    """The standard error, from leaving out each block of images of both sides in turn."""
    block = torch.arange(count) % BLOCKS
    left = (torch.nonzero(block != k)[:, 0] for k in range(BLOCKS))
    found = np.array([_between(both, kept, kept + count) for kept in left])
    return float(np.sqrt((BLOCKS - 1) * found.var()))
