"""Axial brain MRI, skull-stripped: dementia is graded by how much tissue has shrunk.

Each patient is the average brain pulled through a smooth random field in three dimensions, so
that neighbouring slices belong together. Atrophy widens ventricles, temporal horns and sulci, and
thins the cortex. Each patient has one degree of it; neighbouring grades overlap.
"""

import math
from dataclasses import dataclass
from functools import cache
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.data.phantoms.drawing import grain
from utils.data.phantoms.template import tissue_at

SPREAD = 0.05  # of atrophy within one grade
MILLIMETRES = 210.0  # the width of a picture
HEIGHTS = (2.0, 20.0)  # of the middle slice above the origin of MNI space: here ventricles show
STEP = 3.0  # millimetres from slice to slice
SHIFT = 8.0  # of the head, in millimetres, at most
TURNS = {(0, 1): 0.13, (0, 2): 0.05, (1, 2): 0.05}  # of the head in the plane of these axes, rad
COARSE = 24  # points a side at which slow displacements are computed
CONTRASTS = {"T1": (0.12, 0.50, 0.84), "T2": (0.95, 0.55, 0.35)}  # fluid, grey, white matter


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
# Where fluid takes the place of tissue on both sides: centre, reach along x, y, z (mm), and how
# fast it grows with atrophy.
WIDENED = (
    ((6.0, 13.0, 11.0), (11.0, 20.0, 16.0), 2.0),  # front horn of a lateral ventricle
    ((9.0, -8.0, 22.0), (12.0, 22.0, 14.0), 2.0),  # its body
    ((19.0, -37.0, 12.0), (14.0, 16.0, 18.0), 2.0),  # its rear horn
    ((30.0, -18.0, -14.0), (14.0, 20.0, 13.0), 1.4),  # temporal horn beside the hippocampus
    ((1.5, -20.0, 6.0), (8.0, 16.0, 14.0), 0.8),  # half of the third ventricle
)
LUCK = 0.03  # in the growth of each
UPRIGHT = (1.0, 1.0, 0.4)  # sulci are longer from top to bottom than across
INSULA = 0.5  # from the middle of the brain (0) to its surface (1): farther out lies cortex
HEMISPHERES = ((0.0, -18.0, 10.0), (70.0, 90.0, 70.0))  # centre and radii of an ellipsoid
# The order in which so many waves are added: another one rounds otherwise, and draws other images.
ADDED = {4: [0, 1, 2, 3], 5: [0, 4, 1, 2, 3], 6: [0, 4, 5, 1, 2, 3], 9: [8, 0, 1, 2, 3, 4, 5, 6, 7]}


def draw_patient(
    grade: Grade, size: int, views: int, rng: Random, contrast: str = "T1"
) -> tuple[Tensor, Tensor]:
    """Neighbouring slices (views, 1, size, size) of one patient, and where fluid stands.

    A single slice is the middle one of three.
    """
    atrophy = max(0.0, rng.gauss(grade.atrophy, SPREAD))
    points = _widened(_bent(_posed(size, views, rng), rng), atrophy, rng)
    grey, white, brain = _tissue(points, MILLIMETRES / size, atrophy, rng)
    fluid = (1 - grey - white).clamp(0, 1)
    levels = [level * rng.uniform(0.95, 1.05) for level in CONTRASTS[contrast]]
    signal = levels[0] * fluid + levels[1] * grey + levels[2] * white
    mottle = 1 + 0.025 * _field(points, rng, 14.0, 6)
    seen = _scanned(points, signal * mottle, rng) * brain
    return seen[:, None], (fluid > 0.5) & (brain > 0.9)


def _posed(size: int, views: int, rng: Random) -> Tensor:
    """Planes (3, views, size, size): points of MNI space, in millimetres, on tilted slices."""
    line = ((torch.arange(size) + 0.5) / size - 0.5) * MILLIMETRES
    x, y = line[None, None, :], -line[None, :, None]
    steps = STEP * (torch.arange(views) - (views - 1) / 2)
    z = (rng.uniform(*HEIGHTS) + steps).view(-1, 1, 1)
    x, y = x - rng.uniform(-SHIFT, SHIFT), y - 18 - rng.uniform(-SHIFT, SHIFT)
    return torch.stack([a * x + b * y + c * z for a, b, c in _turn(rng).tolist()])


def _turn(rng: Random) -> Tensor:
    """A small turn about each axis, and a head of a personal length, width and height."""
    turn = torch.eye(3)
    for (first, second), spread in TURNS.items():
        angle = rng.gauss(0, spread)
        about = torch.eye(3)
        about[first, first] = about[second, second] = math.cos(angle)
        about[first, second], about[second, first] = -math.sin(angle), math.sin(angle)
        turn = turn @ about
    overall = rng.gauss(1, 0.03)
    return turn @ torch.diag(torch.tensor([overall * rng.gauss(1, 0.03) for _ in range(3)]))


def _bent(points: Tensor, rng: Random) -> Tensor:
    """The anatomy of this patient: a smooth displacement of a few millimetres, large and small."""
    kinds = [(120.0, 4), (50.0, 5)] * 3  # large and small, along each axis
    fields = _fields(_resized(points, (COARSE, COARSE)), rng, kinds)
    moved = [2.8 * fields[n] + 1.1 * fields[n + 1] for n in (0, 2, 4)]
    return points + _resized(torch.stack(moved), points.shape[2:])


def _resized(planes: Tensor, shape: tuple) -> Tensor:
    """Values (3, views, height, width) at more or fewer points, corners kept."""
    return F.interpolate(planes, shape, mode="bilinear", align_corners=True)


def _field(points: Tensor, rng: Random, wavelength: float, count: int) -> Tensor:
    """A random function of space, mean 0 and variance 1: plane waves in all directions."""
    return _fields(points, rng, [(wavelength, count)])[0]


def _fields(points: Tensor, rng: Random, kinds: list[tuple[float, int]]) -> list[Tensor]:
    """Such a function for each (wavelength, count of waves): together they cost less."""
    parts = [_random_waves(rng, *kind) for kind in kinds]
    directions, numbers, phases = (torch.cat(each) for each in zip(*parts, strict=True))
    waves = F.normalize(directions, dim=1) * numbers
    right, front, top = waves.T.reshape(3, -1, 1, 1, 1)
    turned = right * points[0]  # plane by plane: a product of such thin matrices is slower
    turned += front * points[1]
    turned += top * points[2]
    turned += phases.view(-1, 1, 1, 1)
    each = turned.cos_().split([count for _, count in kinds])
    return [waves.sum(0).mul_(math.sqrt(2 / len(waves))) for waves in each]


def _random_waves(rng: Random, wavelength: float, count: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    directions = torch.randn(count, 3, generator=generator)
    numbers = 2 * math.pi / wavelength * (0.8 + 0.5 * torch.rand(count, 1, generator=generator))
    phases = 2 * math.pi * torch.rand(count, generator=generator)
    return directions[ADDED[count]], numbers[ADDED[count]], phases[ADDED[count]]


def _widened(points: Tensor, atrophy: float, rng: Random) -> Tensor:
    """Points are taken from nearer the middle of what grows, so that it looks larger."""
    for centre, reach, rate in WIDENED:
        for side in (-1.0, 1.0):
            away = points - _column(side * centre[0], *centre[1:])
            near = (away / _column(*reach)).square_().sum(0).neg_().exp_()
            growth = max(0.0, rate * atrophy + rng.gauss(0, LUCK))
            points -= away.mul_(near.mul_(1 - math.exp(-growth)))
    return points


@cache
def _column(*numbers: float) -> Tensor:
    """One number for each coordinate of planes."""
    return torch.tensor(numbers).view(3, 1, 1, 1)


def _tissue(points: Tensor, spacing: float, atrophy: float, rng: Random) -> tuple[Tensor, ...]:
    """Shares of grey and white matter, and the inside of the skull.

    The average of many brains is blurred. What is more likely grey than not becomes grey, with
    a random texture that decides where sulci open: so each patient has folds of their own.
    """
    grey, white, inside = tissue_at(points, spacing)
    both = grey + white
    brain = torch.sigmoid((inside - 0.5) / 0.1)
    cortex = _cortex(points)
    folds = 0.16 * cortex * _field(points * _column(*UPRIGHT), rng, 11.0, 9)
    loss = 0.02 + 0.46 * atrophy + rng.gauss(0, 0.01)
    kept = torch.sigmoid((both - 0.45 + (folds - loss * cortex) * (1 - white)) / 0.07)
    share = white / both.clamp_min(1e-3)
    inner = torch.sigmoid((share - 0.5 - 0.05 * atrophy + 0.5 * folds) / 0.08)
    return kept * (1 - inner), kept * inner, brain


def _cortex(points: Tensor) -> Tensor:
    """1 in the outer part of the brain, where sulci are; 0 around thalamus and ventricles."""
    centre, radii = (_column(*values) for values in HEMISPHERES)
    away = ((points - centre) / radii).movedim(0, -1).contiguous()
    return torch.sigmoid((away.norm(dim=-1) - INSULA) / 0.04)


def _scanned(points: Tensor, signal: Tensor, rng: Random) -> Tensor:
    """What the scanner adds: bias field, contrast, Rician noise."""
    x, y = points[0] / 100, points[1] / 100
    bias = 1 + rng.gauss(0, 0.1) * x + rng.gauss(0, 0.1) * y + rng.gauss(0, 0.06) * (x * x + y * y)
    seen = (signal * bias * rng.uniform(0.72, 1.1)).clamp(min=1e-4) ** rng.uniform(0.8, 1.3)
    noise = rng.uniform(0.006, 0.018) * grain((2, *signal.shape), rng)
    return torch.hypot(seen + noise[0], noise[1])
