"""What a finding in the chest absorbs: more than the lung around it, or less where air is loose.

Each function draws one patient's finding in three dimensions: `lung(depth)` gives the coordinates
of a plane of the lungs. A table names the functions of a data set, and a longer table is a larger
data set. Densities and sizes vary, so that neighbours are mistaken.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from utils.data.phantoms.drawing import capsule, chord, cover, ellipse, waves

Lung = Callable[[float], tuple[Tensor, Tensor]]


def no_finding(lung: Lung, rng: Random) -> Tensor:
    return torch.zeros_like(lung(0.0)[0])


def consolidation(lung: Lung, rng: Random) -> Tensor:
    """A lobe filled with fluid: dense, on one side, with a ragged edge (bacterial)."""
    x, y = _plane(lung, rng)
    side = rng.choice((-1, 1))
    place = (side * rng.uniform(0.34, 0.48), rng.choice((-0.42, 0.0, 0.25)) + rng.gauss(0, 0.06))
    radii = (rng.uniform(0.2, 0.3), rng.uniform(0.2, 0.3))
    ragged = 0.035 * waves(x, y, rng, 0.3, count=5)
    patch = cover(ellipse(x, y, place, radii, rng.uniform(-0.6, 0.6)) + ragged, 0.035)
    density = max(0.15, rng.gauss(0.42, 0.07))
    return density * patch * (1 + 0.07 * waves(x, y, rng, 0.12, count=4))


def interstitial(lung: Lung, rng: Random) -> Tensor:
    """A net of thickened tissue and some haze, spread through both lungs (viral)."""
    x, y = lung(-0.2)
    rear = waves(x, y, rng, 0.2, count=7)
    patchy = (0.8 + 0.3 * waves(x, y, rng, 0.9, count=3)).clamp(0.2, 1.3)
    front = waves(*lung(0.2), rng, 0.13, count=8)
    net = torch.sigmoid(-3.0 * (front + 0.5 * rear).abs() + 1.2)
    density = max(0.1, rng.gauss(0.25, 0.04))
    return density * patchy * (net + rng.uniform(0.1, 0.4))


def effusion(lung: Lung, rng: Random) -> Tensor:
    """Fluid at the bottom of one side; its surface climbs towards the wall."""
    x, y = lung(-0.2)
    side, level = rng.choice((-1, 1)), rng.uniform(0.0, 0.35)
    surface = level - 0.5 * (x * side - 0.3)
    pool = cover(surface - y, 0.03) * cover(-x * side, 0.02)
    return max(0.15, rng.gauss(0.36, 0.06)) * pool


def oedema(lung: Lung, rng: Random) -> Tensor:
    """Haze around both hila, like the wings of a bat."""
    x, y = lung(0.0)
    reach = rng.uniform(0.2, 0.3)
    away = torch.hypot((x.abs() - 0.22) / reach, (y + 0.02) / (1.4 * reach))
    cloudy = 1 + 0.15 * waves(x, y, rng, 0.25, count=5)
    return max(0.12, rng.gauss(0.26, 0.05)) * torch.exp(-(away**2)) * cloudy


def pneumothorax(lung: Lung, rng: Random) -> Tensor:
    """Air outside a collapsed lung on one side: darker, and behind a sharp line."""
    x, y = lung(0.2)
    side, width = rng.choice((-1, 1)), rng.uniform(0.5, 0.75)
    left = ellipse(x * side, y, (0.12, 0.3), (0.55 * width, 1.1 * width))  # of the lung
    outside = cover(-left, 0.015) * cover(-x * side, 0.02)
    edge = torch.exp(-((left / 0.02) ** 2)) * cover(-x * side, 0.02)
    return 0.1 * edge - max(0.08, rng.gauss(0.2, 0.03)) * outside


def atelectasis(lung: Lung, rng: Random) -> Tensor:
    """One to three plates of airless lung, lying nearly flat."""
    x, y = _plane(lung, rng)
    shadow = torch.zeros_like(x)
    side = rng.choice((-1, 1))
    for _ in range(rng.randint(1, 3)):
        height, slope = rng.uniform(-0.1, 0.4), rng.gauss(0, 0.08)
        start, end = (side * rng.uniform(0.15, 0.3), height), (side * 0.55, height + slope)
        plate = cover(capsule(x, y, start, end, rng.uniform(0.03, 0.05)), 0.015)
        shadow = torch.maximum(shadow, plate)
    return max(0.18, rng.gauss(0.36, 0.05)) * shadow


def nodule(lung: Lung, rng: Random) -> Tensor:
    """A small ball."""
    return max(0.25, rng.gauss(0.48, 0.06)) * _ball(lung, rng, rng.uniform(0.08, 0.12))


def mass(lung: Lung, rng: Random) -> Tensor:
    """A large ball, better bounded than a consolidation."""
    return max(0.25, rng.gauss(0.5, 0.06)) * _ball(lung, rng, rng.uniform(0.15, 0.24))


def cavity(lung: Lung, rng: Random) -> Tensor:
    """A wall around air: a ring, because a beam along the wall passes most of it."""
    x, y = _plane(lung, rng)
    radius, wall, place = rng.uniform(0.14, 0.22), rng.uniform(0.035, 0.06), _somewhere(rng)
    inner = radius - wall
    outside = radius * chord(x, y, place, (radius, radius))
    inside = inner * chord(x, y, place, (inner, inner))
    return max(1.6, rng.gauss(3.2, 0.4)) * (outside - inside)


def fibrosis(lung: Lung, rng: Random) -> Tensor:
    """Scars that streak both tops of the lungs."""
    x, y = lung(0.0)
    streaks = torch.sigmoid(-4 * waves(1.8 * x, 0.7 * y, rng, 0.3, count=7).abs() + 1.5)
    top = cover(y + rng.uniform(0.2, 0.4), 0.06)
    return max(0.15, rng.gauss(0.33, 0.05)) * top * (0.15 + streaks)


def _plane(lung: Lung, rng: Random) -> tuple[Tensor, Tensor]:
    """Somewhere between the back and the front of the lungs."""
    return lung(rng.uniform(-0.35, 0.35))


def _ball(lung: Lung, rng: Random, radius: float) -> Tensor:
    radii = (radius, radius * rng.uniform(0.9, 1.1))
    return chord(*_plane(lung, rng), _somewhere(rng), radii, rng.uniform(-1, 1))


def _somewhere(rng: Random) -> tuple[float, float]:
    """A place in either lung that the heart does not hide."""
    return rng.choice((-1, 1)) * rng.uniform(0.32, 0.46), rng.uniform(-0.5, 0.15)


@dataclass(frozen=True)
class ChestFinding:
    patients: int
    shadow: Callable[[Lung, Random], Tensor]


PNEUMONIA = {
    "normal": ChestFinding(162, no_finding),
    "bacterial": ChestFinding(282, consolidation),
    "viral": ChestFinding(156, interstitial),
}
TEN_FINDINGS = {  # from common to rare, eight to one
    "normal": ChestFinding(160, no_finding),
    "consolidation": ChestFinding(100, consolidation),
    "effusion": ChestFinding(84, effusion),
    "interstitial": ChestFinding(70, interstitial),
    "oedema": ChestFinding(58, oedema),
    "atelectasis": ChestFinding(48, atelectasis),
    "nodule": ChestFinding(40, nodule),
    "pneumothorax": ChestFinding(34, pneumothorax),
    "mass": ChestFinding(28, mass),
    "fibrosis": ChestFinding(24, fibrosis),
    "cavity": ChestFinding(20, cavity),
}
