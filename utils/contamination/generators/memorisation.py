"""Are generated images new, or copies of training images that were moved, mirrored, relit?"""

from itertools import product

import numpy as np
import pandas as pd
import torch
from scipy.stats import betabinom
from torch import Tensor

from utils.data.duplicates import SIDE, small_grey
from utils.evaluation.intervals import LEVEL, share

REACH = 4  # pixels of 32 that a copy may be moved, in either direction
INSIDE = SIDE - 2 * REACH  # the side of the part that is compared
FAMILIAR = 0.01  # share of real test images below the limit
FLAT = 1e-3  # grey levels: a smaller spread is no picture


def aligned_distances(images: Tensor, known: Tensor) -> Tensor:
    """How unlike each image is to the most similar known one: 0 for a copy, 1.4 without likeness.

    The middle of the image is compared with every part of the known one, and of its mirror image,
    that lies up to `REACH` pixels away. Brightness and contrast are taken out: the distance is
    sqrt(2 - 2 r), where r is the correlation of the best pair.
    """
    middle = _standard(_pictures(images)[..., REACH:-REACH, REACH:-REACH])
    bank, best = _pictures(known), torch.full((len(images),), -1.0)
    for pictures in (bank, bank.flip(-1)):
        for top, left in product(range(2 * REACH + 1), repeat=2):
            part = _standard(pictures[:, top : top + INSIDE, left : left + INSIDE])
            best = torch.maximum(best, (middle @ part.T).amax(1))
    return (2 - 2 * best).clamp(min=0).sqrt()


def copy_ratios(images: Tensor, training: Tensor, others: Tensor) -> Tensor:
    """Distance to the nearest training image, over that to the nearest of other patients.

    Near 1 for a new image, however blurred it is, and 0 for a copy. The generator must not have
    seen the `others`; take about as many of them as there are training images.
    """
    apart = (aligned_distances(images, bank).clamp(min=1e-6) for bank in (training, others))
    to_training, to_others = apart
    return to_training / to_others


def memorisation_test(of_real: Tensor, of_fakes: Tensor) -> pd.Series:
    """Are there more copies among fakes than among real images of new patients?

    Takes their `copy_ratios`. Copies are fakes below the 1st percentile of the real images; their
    share has an exact interval, and a beta-binomial p-value that accounts for estimating the
    percentile. `smallest found` is the smallest share of copies that would be found here.
    """
    few = max(1, round(FAMILIAR * len(of_real)))
    copies = share((of_fakes < of_real.kthvalue(few).values).numpy())
    by_chance = betabinom(len(of_fakes), few, len(of_real) + 1 - few)
    p_values = by_chance.sf(np.arange(-1, len(of_fakes)))  # of so many copies or more, from 0
    p = float(p_values[copies["right"]])
    found = np.flatnonzero(p_values < (1 - LEVEL) / 2)
    return pd.Series(
        {
            "ratio": float(of_fakes.median()),
            "copies": copies["value"],
            "low": copies["low"],
            "high": copies["high"],
            "smallest found": found[0] / len(of_fakes) if len(found) else np.nan,
            "p": p,
            "memorised": p < (1 - LEVEL) / 2,
        }
    )


def _pictures(images: Tensor) -> Tensor:
    return small_grey(images).unflatten(1, (SIDE, SIDE))


def _standard(parts: Tensor) -> Tensor:
    """Rows of mean 0 and length 1, so that their products are correlations."""
    rows = parts.flatten(1)
    rows = rows - rows.mean(1, keepdim=True)
    return rows / rows.norm(dim=1, keepdim=True).clamp(min=FLAT * INSIDE)
