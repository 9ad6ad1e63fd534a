"""The order of a patient's slices, where the file names have lost it.

Used by tests/benchmarks/real_data.py.
"""

import numpy as np
import torch

from utils.data.patients.recovery import normalise_exposure
from utils.data.split import Split


def slice_heights(split: Split) -> np.ndarray:
    """How high in the body each slice lies, in arbitrary units that agree between patients.

    Slices of one patient differ most along the body. So the height is the position along the
    first principal component of the pixels, after the mean of each patient is taken away. Labels
    are not used. Whether the numbers rise towards the head or away from it is left to chance, but
    the same images give the same numbers.
    """
    pictures = normalise_exposure(split.images).double()
    _, member = np.unique(split.patients, return_inverse=True)
    member = torch.from_numpy(member)
    sums = torch.zeros(int(member.max()) + 1, pictures.shape[1], dtype=pictures.dtype)
    means = sums.index_add_(0, member, pictures) / member.bincount()[:, None]
    apart = pictures - means[member]
    direction = torch.linalg.eigh(apart.T @ apart).eigenvectors[:, -1]
    direction = direction * direction[direction.abs().argmax()].sign()
    return (apart @ direction).numpy()
