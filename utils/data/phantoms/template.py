"""The average brain of 152 people, in three dimensions: shares of grey and white matter.

ICBM 152, nonlinear, 2009a (Fonov 2009, 2011), one value per cubic millimetre, as the package
nilearn ships it. Its files are read without importing the package.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

SHAPE = (197, 233, 189)  # voxels of 1 mm: from left to right, back to front, bottom to top
ORIGIN = (98.0, 134.0, 72.0)  # the voxel at (0, 0, 0) of MNI space
COARSEST = 3  # millimetres: the cortex is about as thick
TISSUES = ("gm", "wm")  # grey matter, white matter
INSTALL = "the average brain comes with another package: pip install nilearn==0.13.1"


def tissue_at(points: Tensor, spacing: float) -> tuple[Tensor, Tensor, Tensor]:
    """Shares of grey and white matter, and how far inside the brain, from 0 to 1.

    `points` (3, views, height, width) are millimetres of MNI space. `spacing` is the distance
    between them; finer detail is averaged over. Ventricles and sulci lie inside the brain.
    """
    step = min(max(round(spacing), 1), COARSEST)
    if step == COARSEST:
        grey, white, inside = _sample(_coarse(), points, step)
        return grey, white, inside
    grey, white = _sample(_tissues(step), points, step)
    return grey, white, _sample(_hull(), points, COARSEST)[0]


def _sample(volume: Tensor, points: Tensor, step: int) -> Tensor:
    extent = (torch.tensor(volume.shape[:1:-1]) * step).view(3, 1, 1, 1)
    grid = 2 * (points + torch.tensor(ORIGIN).view(3, 1, 1, 1) + 0.5) / extent - 1
    return F.grid_sample(volume, grid.movedim(0, -1)[None], align_corners=False)[0]


@cache
def _coarse() -> Tensor:
    """Both maps and the inside of the brain (1, 3, z, y, x): one look-up instead of two."""
    return torch.cat([_tissues(COARSEST), _hull()], 1)


@cache
def _tissues(step: int) -> Tensor:
    """Both maps (1, 2, z, y, x), averaged over cubes of `step` voxels."""
    if step > 1:
        return F.avg_pool3d(_tissues(1), step)
    maps = [_read(tissue) for tissue in TISSUES]
    return torch.from_numpy(np.stack(maps)).permute(0, 3, 2, 1)[None].contiguous()


@cache
def _hull() -> Tensor:
    """The brain with its hollows filled (1, 1, z, y, x): a closing with a cube of 21 mm."""
    tissue = _tissues(COARSEST).sum(1, keepdim=True)
    grown = F.max_pool3d(tissue, 7, 1, 3)
    return -F.max_pool3d(-grown, 7, 1, 3)


def _read(tissue: str) -> np.ndarray:
    path = _folder() / f"mni_icbm152_{tissue}_tal_nlin_sym_09a_converted.nii.gz"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is absent; {INSTALL}")
    import nibabel  # here: images that were drawn before need no template

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
