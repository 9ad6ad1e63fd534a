"""Frontal chest X-ray: what absorbs is bright, and shadows add up.

The finding is a shadow over the lungs; `shadows` draws it.
"""

import math
from random import Random

import torch
from torch import Tensor

from utils.data.phantoms.chest_findings import ChestFinding
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


def draw_patient(
    finding: ChestFinding, size: int, views: int, rng: Random
) -> tuple[Tensor, Tensor]:
    """Views (views, 1, size, size) of one patient, and where the finding lies."""
    edge = edge_of(size)
    x, y = jitter(size, views, rng, shift=0.06, angle=0.04, zoom=0.05)
    x, y = bend(x, y, rng, 0.02)
    lungs = _lungs(x, y, edge, rng)
    heart = _heart(x, y, edge, rng)
    air = rng.uniform(0.3, 0.38) * lungs * (1 - heart)
    absorbed = _body(x, y, edge, rng) + 0.14 * heart - air
    seen = lungs * (1 - 0.75 * heart)  # the heart hides what lies behind it
    absorbed = absorbed + _bones(x, y, edge, rng) + _vessels(x, y, seen, rng)
    shadow = finding.shadow(x, y, rng) * seen
    return _exposed(x, y, absorbed + shadow, rng)[:, None], shadow.abs() > 0.05


def _body(x, y, edge, rng) -> Tensor:
    """Neck, shoulders and trunk, denser towards the abdomen; no air around them absorbs."""
    neck, trunk = rng.uniform(0.26, 0.34), rng.uniform(0.88, 1.02)
    slope = torch.sigmoid((y + rng.uniform(0.72, 0.82)) / 0.05)
    half = neck + (trunk - neck) * slope
    belly = 0.14 * torch.sigmoid((y - 0.6) / 0.1)
    breast = ((x.abs() - 0.45) / 0.3) ** 2 + ((y - 0.3) / 0.3) ** 2
    fat = rng.uniform(0, 0.08) * torch.exp(-breast)
    return cover(x.abs() - half, 2 * edge) * (0.5 + belly + fat)


def _lungs(x, y, edge, rng) -> Tensor:
    """Both lungs: narrow at the top, cut off below by the domes of the diaphragm."""
    lungs = torch.zeros_like(x)
    low, wide = rng.uniform(0.4, 0.58), rng.uniform(0.95, 1.08)
    for side in (-1, 1):
        near = x * side / wide
        lung = ellipse(near - 0.12 * y, y, (0.37, 0.06), (0.29, 0.76))
        dome = low - 0.05 * (side < 0) + 1.8 * (near - 0.3) ** 2
        lungs = lungs + cover(torch.maximum(lung, y - dome), 1.5 * edge)
    return lungs.clamp(0, 1)


def _heart(x, y, edge, rng) -> Tensor:
    """The heart lies over the left lung, which the viewer sees on the right."""
    width = rng.uniform(0.28, 0.4)
    heart = ellipse(x, y, (0.13, 0.27), (width, rng.uniform(0.27, 0.33)), 0.5)
    great = capsule(x, y, (0.05, -0.45), (0.02, 0.1), rng.uniform(0.1, 0.14))
    return torch.maximum(cover(heart, 2 * edge), cover(great, 3 * edge))


def _bones(x, y, edge, rng) -> Tensor:
    """Spine, ribs and collar bones."""
    spine = cover(x.abs() - 0.075, 2 * edge) * (0.16 + 0.03 * torch.cos(y * rng.uniform(36, 42)))
    cage = cover(ellipse(x, y, (0, 0.05), (0.8, 0.88)), 0.04)
    spacing, start = rng.uniform(0.19, 0.23), rng.random()
    out = x.abs()
    rear = torch.cos(2 * math.pi * ((y + 0.5 * (out - 0.35) ** 2 - 0.12 * out) / spacing + start))
    front = torch.cos(2 * math.pi * ((y - 0.75 * out) / (1.25 * spacing) + start))
    ribs = rng.uniform(0.09, 0.14) * torch.sigmoid(5 * rear - 2.2)
    ribs = ribs + rng.uniform(0.03, 0.07) * torch.sigmoid(5 * front - 2.5)
    bones = torch.maximum(spine, ribs * cage * cover(0.1 - out, 0.03))
    for side in (-1, 1):
        tip = (side * 0.68, -0.72 + rng.gauss(0, 0.03))
        collar = capsule(x, y, (side * 0.1, -0.58), tip, 0.03)
        bones = bones + 0.13 * cover(collar, 1.5 * edge)
    return bones


def _vessels(x, y, lungs, rng) -> Tensor:
    """Vessels run from both hila outwards and fade."""
    across, down = (x.abs() - 0.11) / 0.35, (y - rng.uniform(-0.05, 0.1)) / 0.45
    away = torch.hypot(across, down)
    angle = torch.atan2(down, across)
    streaks = torch.sigmoid(3 * waves(angle + 0.5 * x, 0.35 * away, rng, 0.5, count=5) - 1)
    fading = torch.exp(-1.3 * away) * (1 - torch.exp(-((3 * away) ** 2)))
    return rng.uniform(0.08, 0.18) * fading * (0.5 + streaks) * lungs


def _exposed(x, y, absorbed, rng) -> Tensor:
    """Exposure, contrast and quantum noise; no two films are alike."""
    offset = per_view(rng, len(absorbed), 0.012, rng.uniform(-0.12, 0.12))
    tilt = rng.gauss(0, 0.04) * x + rng.gauss(0, 0.04) * y
    film = rng.uniform(0.9, 1.2) * (absorbed - 0.4) + 0.42 + offset + tilt
    film = film.clamp(min=0.01) ** rng.uniform(0.8, 1.2)
    return film + rng.uniform(0.006, 0.016) * grain(film.shape, rng)
