"""The average brain of 152 people, in three dimensions: shares of grey and white matter.

ICBM 152, nonlinear, 2009a (Fonov 2009, 2011), one value per cubic millimetre, as the package
nilearn ships it. Its files are read without importing the package.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import nibabel
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

SHAPE = (197, 233, 189)  # voxels of 1 mm: from left to right, back to front, bottom to top
ORIGIN = (98.0, 134.0, 72.0)  # the voxel at (0, 0, 0) of MNI space
COARSEST = 3  # millimetres: the cortex is about as thick
TISSUES = ("gm", "wm")  # grey matter, white matter
INSTALL = "the average brain comes with another package: pip install nilearn==0.13.1"


def tissue_at(points: Tensor, spacing: float) -> tuple[Tensor, Tensor]:
    """Shares of grey and white matter at points (views, height, width, 3) of MNI space.

    `spacing` is the distance between points, in millimetres; finer detail is averaged over.
    """
    step = min(max(round(spacing), 1), COARSEST)
    extent = torch.tensor([length - length % step for length in SHAPE])
    grid = 2 * (points + torch.tensor(ORIGIN) + 0.5) / extent - 1
    found = F.grid_sample(_volumes(step), grid[None], align_corners=False)[0]
    return found[0], found[1]


@cache
def _volumes(step: int) -> Tensor:
    """Both maps (1, 2, z, y, x), averaged over cubes of `step` voxels."""
    if step > 1:
        return F.avg_pool3d(_volumes(1), step)
    maps = [_read(tissue) for tissue in TISSUES]
    return torch.from_numpy(np.stack(maps)).permute(0, 3, 2, 1)[None].contiguous()


def _read(tissue: str) -> np.ndarray:
    path = _folder() / f"mni_icbm152_{tissue}_tal_nlin_sym_09a_converted.nii.gz"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is absent; {INSTALL}")
    volume = np.asarray(nibabel.load(path).dataobj, dtype=np.float32) / 255
    if volume.shape != SHAPE:
        raise ValueError(f"{path} has {volume.shape} voxels instead of {SHAPE}; {INSTALL}")
    return volume


def _folder() -> Path:
    """Where the installed package keeps its data."""
    package = find_spec("nilearn")
    if package is None:
        raise FileNotFoundError(INSTALL)
    return Path(package.origin).parent / "datasets/data"
