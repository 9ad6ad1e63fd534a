"""Axial brain MRI, T1-weighted: dementia is graded by how much tissue has shrunk.

Atrophy widens ventricles, temporal horns and sulci, thins the cortex and shrinks the
hippocampi. Each patient has one degree of it; neighbouring grades overlap.
"""

from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from utils.data.phantoms.drawing import (
    bend,
    capsule,
    cover,
    edge_of,
    ellipse,
    grain,
    jitter,
    per_view,
    waves,
)

FLUID, GREY, WHITE = 0.10, 0.50, 0.82  # T1 brightness
SPREAD = 0.07  # of atrophy within one grade


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


def draw_patient(grade: Grade, size: int, views: int, rng: Random) -> tuple[Tensor, Tensor]:
    """Adjacent slices (views, 1, size, size) of one patient, and where atrophy shows."""
    atrophy = max(0.0, rng.gauss(grade.atrophy, SPREAD))
    height = torch.linspace(-1, 1, views).view(-1, 1, 1) + rng.uniform(-0.8, 0.8)
    x, y = jitter(size, views, rng, shift=0.04, angle=0.09, zoom=0.05)
    x, y = bend(x, y, rng, 0.02)
    tissue, fluid, inside = _cortex(x, y, height, atrophy, edge_of(size), rng)
    tissue = _deep_grey(x, y, tissue, edge_of(size), rng)
    hollow = _ventricles(x, y, height, atrophy, edge_of(size), rng)
    tissue, horns = _hippocampi(x, y, tissue, atrophy, edge_of(size), rng)
    fluid = torch.maximum(fluid, torch.maximum(hollow, horns))
    tissue = torch.lerp(tissue, torch.tensor(FLUID), fluid)
    head = _head(inside, tissue, edge_of(size), rng)
    return _scanned(x, y, head, rng)[:, None], (fluid > 0.5) & (inside < -0.03)


def _cortex(x, y, height, atrophy, edge, rng):
    """Tissue, sulcal fluid, and the distance to the surface of the brain.

    A sulcus is a zero line of a random texture: where the texture is near zero and
    the surface is near, there is fluid; around it grey matter; deeper white matter.
    """
    surface = _outline(x, y, height, rng)
    depth = torch.minimum(-surface, _fissures(x, y, rng))
    folds = waves(x, y, rng, rng.uniform(0.27, 0.33), count=9, z=0.5 * height).abs()
    level = torch.minimum(depth / 0.3 + 1.2 * folds, depth / 0.07)
    width = 0.22 + 0.42 * atrophy + rng.gauss(0, 0.04)
    thickness = 0.55 - 0.15 * atrophy + rng.gauss(0, 0.04)
    blur = max(0.06, 11 * edge)
    white = cover(width + thickness - level, blur)
    mottle = 0.02 * waves(x, y, rng, 0.25, count=4, z=height)
    return GREY + (WHITE - GREY) * white + mottle, cover(level - width, blur), surface


def _outline(x, y, height, rng) -> Tensor:
    """A skull is an egg with a personal length, width, taper and skew."""
    across = 0.7 * rng.uniform(0.94, 1.06) * (1 - 0.02 * height)
    along = 0.83 * rng.uniform(0.95, 1.05) * (1 - 0.02 * height)
    taper, skew = rng.gauss(0.08, 0.05), rng.gauss(0, 0.05)
    u = (x + skew * y * y) / (across * (1 + taper * y))
    return (torch.hypot(u, y / along) - 1) * across


def _fissures(x, y, rng) -> Tensor:
    """Distance to the midline fissure (in front and behind) and to the lateral ones."""
    lean = rng.gauss(0, 0.02)
    depth = (x - lean * y).abs() + 0.5 * (0.42 - y.abs()).clamp(min=0)
    for side in (-1, 1):
        top = rng.gauss(-0.1, 0.03)
        lateral = capsule(x, y, (side * 0.66, top + 0.08), (side * 0.44, top), 0.0)
        depth = torch.minimum(depth, lateral)
    return depth


def _deep_grey(x, y, tissue, edge, rng) -> Tensor:
    """Thalamus, caudate and putamen on both sides."""
    level = torch.tensor(rng.uniform(0.56, 0.62))
    for side in (-1, 1):
        for centre, radii, tilt in (
            ((0.14, 0.1), (0.1, 0.13), 0.3),
            ((0.2, -0.17), (0.05, 0.11), 0.3),
            ((0.31, -0.02), (0.06, 0.17), -0.25),
        ):
            nucleus = ellipse(x, y, (side * centre[0], centre[1]), radii, -side * tilt)
            tissue = torch.lerp(tissue, level, cover(nucleus, 1.5 * edge))
    return tissue


def _ventricles(x, y, height, atrophy, edge, rng) -> Tensor:
    """Lateral ventricles, each with a front and a rear horn, and the slit between the thalami."""
    width = 0.030 + 0.085 * atrophy + rng.gauss(0, 0.008)
    reach, lean = 1 + 0.2 * atrophy + rng.gauss(0, 0.06), rng.gauss(0, 0.1)
    hollow = capsule(x, y, (0, -0.02), (0, 0.17), 0.006 + 0.03 * atrophy + 0.004 * height)
    for side in (-1, 1):
        thick = width * (1 + side * lean)
        near = x * side * (1 + 0.1 * height)
        front = ellipse(near, y, (0.07 + 0.6 * width, -0.21), (thick, 0.17 * reach), 0.35)
        body = capsule(near, y, (0.06, -0.12), (0.09, 0.22), 0.5 * thick * (1 + 0.3 * height))
        rear = ellipse(near, y, (0.1 + 0.6 * width, 0.31), (0.8 * thick, 0.16 * reach), -0.4)
        hollow = torch.minimum(hollow, torch.minimum(front, torch.minimum(body, rear)))
    return cover(hollow, edge)


def _hippocampi(x, y, tissue, atrophy, edge, rng) -> tuple[Tensor, Tensor]:
    """A hippocampus on each side, and the fluid of the temporal horn that takes its place."""
    fluid = torch.zeros_like(tissue)
    for side in (-1, 1):
        left = (1 - 0.5 * atrophy) * rng.uniform(0.9, 1.1)  # of the hippocampus
        place, tilt = (0.37, 0.26 + rng.gauss(0, 0.02)), 0.9
        body = cover(ellipse(x * side, y, place, (0.16 * left, 0.075 * left), tilt), edge)
        beside = (place[0] + 0.03, place[1] - 0.02)
        horn = ellipse(x * side, y, beside, (0.17, 0.07), tilt) - 0.025 * atrophy
        tissue = torch.lerp(tissue, torch.tensor(GREY), body)
        fluid = torch.maximum(fluid, cover(horn, edge) - body)
    return tissue, fluid.clamp(min=0)


def _head(surface, tissue, edge, rng) -> Tensor:
    """The brain inside its skull (dark bone) and scalp (bright fat)."""
    bone, scalp = rng.uniform(0.03, 0.06), rng.uniform(0.03, 0.06)
    brightness = torch.tensor(rng.uniform(0.6, 0.95))
    head = torch.lerp(torch.tensor(0.02), brightness, cover(surface - bone - scalp, edge))
    head = torch.lerp(head, torch.tensor(0.05), cover(surface - bone, edge))
    return torch.lerp(head, tissue, cover(surface, edge))


def _scanned(x, y, head, rng) -> Tensor:
    """What the scanner adds: bias field, contrast, Rician noise."""
    bias = 1 + rng.gauss(0, 0.1) * x + rng.gauss(0, 0.1) * y
    bias = bias + rng.gauss(0, 0.06) * (x * x + y * y)
    gain = per_view(rng, len(head), 0.015, rng.uniform(0.72, 1.05))
    seen = (head * bias * gain).clamp(min=1e-4) ** rng.uniform(0.8, 1.3)
    noise = rng.uniform(0.015, 0.04) * grain((2, *head.shape), rng)
    return torch.hypot(seen + noise[0], noise[1])
