"""Axial brain MRI, skull-stripped: dementia is graded by how much tissue has shrunk.

Each patient is the average brain of 152 people (ICBM 152, grey and white matter as the package
nilearn ships them), pulled through a smooth random field in three dimensions, so that sulci are
real and neighbouring slices belong together. Atrophy widens ventricles, temporal horns and
sulci, and thins the cortex. Each patient has one degree of it; neighbouring grades overlap.
"""

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random

import nibabel
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from utils.data.phantoms.drawing import grain

COARSE = 24  # points a side at which slow displacements are computed
SPREAD = 0.065  # of atrophy within one grade
MILLIMETRES = 210.0  # the width of a picture
HEIGHTS = (2.0, 20.0)  # of the middle slice, in millimetres of MNI space: where ventricles show
ORIGIN = (98.0, 134.0, 72.0)  # the voxel at (0, 0, 0) of MNI space
CONTRASTS = {"T1": (0.14, 0.50, 0.80), "T2": (0.95, 0.55, 0.35)}  # fluid, grey, white matter


@dataclass(frozen=True)
class Grade:
    patients: int
    atrophy: float  # typical, from 0 to about 1


GRADES = {
    "Non_Demented": Grade(380, 0.10),
    "Very_Mild_Demented": Grade(268, 0.39),
    "Mild_Demented": Grade(120, 0.68),
    "Moderate_Demented": Grade(32, 0.97),
}
# Where fluid takes the place of tissue: centre, reach along x, y, z (mm), and how far it pushes.
WIDENED = (
    ((10.0, 8.0, 16.0), (15.0, 26.0, 20.0), 0.66),  # front and body of a lateral ventricle
    ((22.0, -34.0, 12.0), (17.0, 22.0, 22.0), 0.66),  # its rear horn
    ((27.0, -18.0, -14.0), (14.0, 20.0, 13.0), 0.70),  # temporal horn beside the hippocampus
)


def draw_patient(
    grade: Grade, size: int, views: int, rng: Random, contrast: str = "T1"
) -> tuple[Tensor, Tensor]:
    """Neighbouring slices (views, 1, size, size) of one patient, and where fluid stands."""
    atrophy = max(0.0, rng.gauss(grade.atrophy, SPREAD))
    points = _posed(size, views, rng)
    points = _bent(points, rng)
    points = _widened(points, atrophy, rng)
    grey, white, brain = _tissue(points, size, atrophy, rng)
    fluid = (1 - grey - white).clamp(0, 1)
    levels = [level * rng.uniform(0.95, 1.05) for level in CONTRASTS[contrast]]
    signal = levels[0] * fluid + levels[1] * grey + levels[2] * white
    mottle = 1 + 0.035 * _field(points, rng, 14.0, 6)
    return _scanned(points, signal * mottle * brain, rng)[:, None], (fluid > 0.5) & (brain > 0.9)


def _posed(size: int, views: int, rng: Random) -> Tensor:
    """Points (views, size, size, 3) of MNI space, in millimetres: slices 4 mm apart, tilted."""
    line = ((torch.arange(size) + 0.5) / size - 0.5) * MILLIMETRES
    x, y = (
        line[None, None, :].expand(views, size, size),
        -line[None, :, None].expand(views, size, size),
    )
    middle = rng.uniform(*HEIGHTS)
    steps = 4.0 * (torch.arange(views) - (views - 1) / 2)
    z = (middle + steps).view(-1, 1, 1).expand(views, size, size)
    points = torch.stack([x - rng.gauss(0, 2.0), y - 18 - rng.gauss(0, 2.0), z], -1)
    return points @ _turned(rng).T


def _turned(rng: Random) -> Tensor:
    """A small turn about each axis, and a head of a personal length, width and height."""
    turn = torch.eye(3)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        angle = rng.gauss(0, 0.05)
        one = torch.eye(3)
        one[first, first] = one[second, second] = math.cos(angle)
        one[first, second], one[second, first] = -math.sin(angle), math.sin(angle)
        turn = turn @ one
    overall = rng.gauss(1, 0.04)
    return turn @ torch.diag(torch.tensor([overall * rng.gauss(1, 0.04) for _ in range(3)]))


def _bent(points: Tensor, rng: Random) -> Tensor:
    """The anatomy of this patient: a smooth displacement of a few millimetres, large and small."""
    coarse = F.interpolate(
        points.permute(0, 3, 1, 2), (COARSE, COARSE), mode="bilinear", align_corners=True
    )
    coarse = coarse.permute(0, 2, 3, 1)
    moved = [
        3.2 * _field(coarse, rng, 120.0, 4) + 1.6 * _field(coarse, rng, 50.0, 5) for _ in range(3)
    ]
    moved = F.interpolate(
        torch.stack(moved, 1), points.shape[1:3], mode="bilinear", align_corners=True
    )
    return points + moved.permute(0, 2, 3, 1)


def _field(points: Tensor, rng: Random, wavelength: float, count: int) -> Tensor:
    """A random function of space, mean 0 and variance 1: plane waves in all directions."""
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    waves = torch.randn(count, 3, generator=generator)
    waves = waves / waves.norm(dim=1, keepdim=True)
    waves = (
        waves * (2 * math.pi / wavelength) * (0.8 + 0.5 * torch.rand(count, 1, generator=generator))
    )
    phases = 2 * math.pi * torch.rand(count, generator=generator)
    return torch.cos(points @ waves.T + phases).sum(-1) * math.sqrt(2 / count)


def _widened(points: Tensor, atrophy: float, rng: Random) -> Tensor:
    """Points are taken from nearer the middle of what grows, so that it looks larger."""
    for centre, reach, push in WIDENED:
        for side in (-1.0, 1.0):
            middle = torch.tensor([side * centre[0], *centre[1:]])
            away = points - middle
            near = torch.exp(-((away / torch.tensor(reach)) ** 2).sum(-1, keepdim=True))
            amount = min(0.85, max(0.0, push * (atrophy + rng.gauss(-0.1, 0.035))))
            points = points - amount * near * away
    return points


@cache
def _template(factor: int) -> Tensor:
    """Grey and white matter (1, 2, z, y, x) of the average brain, averaged over so many voxels."""
    folder = files("nilearn") / "datasets" / "data"
    maps = []
    for tissue in ("gm", "wm"):
        name = f"mni_icbm152_{tissue}_tal_nlin_sym_09a_converted.nii.gz"
        maps.append(np.asarray(nibabel.load(folder / name).dataobj, dtype=np.float32) / 255)
    volume = torch.from_numpy(np.stack(maps)).permute(0, 3, 2, 1)[None].contiguous()
    return F.avg_pool3d(volume, factor) if factor > 1 else volume


def _tissue(points: Tensor, size: int, atrophy: float, rng: Random) -> tuple[Tensor, ...]:
    """Shares of grey and white matter, and the inside of the skull.

    The average of many brains is blurred. What is more likely grey than not becomes grey, with
    a random texture that decides where sulci open: so each patient has folds of their own.
    """
    factor = max(1, min(3, round(MILLIMETRES / size)))
    volume = _template(factor)
    extent = torch.tensor(volume.shape[:1:-1], dtype=torch.float32) * factor  # x, y, z
    grid = 2 * (points + torch.tensor(ORIGIN) + 0.5) / extent - 1
    views = grid.shape[0]
    flat = grid.reshape(1, views, *grid.shape[1:3], 3)
    found = F.grid_sample(volume, flat, align_corners=False)[0]
    grey, white = found[0], found[1]
    folds = 0.16 * _field(points, rng, 11.0, 9)
    both = grey + white
    brain = torch.sigmoid((both - 0.12) / 0.03)
    loss = 0.02 + 0.42 * atrophy + rng.gauss(0, 0.02)
    kept = torch.sigmoid((both - 0.45 - loss * (1 - white) + folds * (1 - white)) / 0.07)
    inner = torch.sigmoid(
        (white / both.clamp_min(1e-3) - 0.5 - 0.05 * atrophy + 0.5 * folds) / 0.08
    )
    return kept * (1 - inner), kept * inner, brain


def _scanned(points: Tensor, signal: Tensor, rng: Random) -> Tensor:
    """What the scanner adds: bias field, contrast, Rician noise."""
    x, y = points[..., 0] / 100, points[..., 1] / 100
    bias = (
        1 + rng.gauss(0, 0.08) * x + rng.gauss(0, 0.08) * y + rng.gauss(0, 0.06) * (x * x + y * y)
    )
    seen = (signal * bias * rng.uniform(0.85, 1.1)).clamp(min=1e-4) ** rng.uniform(0.85, 1.2)
    noise = rng.uniform(0.008, 0.025) * grain((2, *signal.shape), rng)
    return torch.hypot(seen + noise[0], noise[1])
