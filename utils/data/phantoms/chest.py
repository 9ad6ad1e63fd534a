"""Frontal chest X-ray: a body in three dimensions, projected, counted in photons, shown as a film.

Lungs, heart, bones, vessels and findings have a place in depth. Each view is a visit of its own:
the patient stands a little turned, has breathed in less or more, and the exposure is another.
So two pictures of one patient are hardly more alike than those of two patients, as in reality.
"""

from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from utils.data.phantoms.chest_findings import ChestFinding
from utils.data.phantoms.drawing import cover, edge_of, per_view, waves
from utils.data.phantoms.film import film, marked, with_devices


@dataclass(frozen=True)
class Pose:
    """How the patient stands at each visit; every value is a tensor (views, 1, 1)."""

    shift: tuple[Tensor, Tensor]
    zoom: Tensor
    roll: Tensor
    yaw: Tensor  # of depth that turns into width
    pitch: Tensor  # of depth that turns into height
    breath: Tensor  # how far the diaphragm has gone down

    def coordinates(self, size: int) -> tuple[Tensor, Tensor]:
        line = (torch.arange(size) + 0.5) * (2 / size) - 1
        x, y = line[None, None, :] - self.shift[0], line[None, :, None] - self.shift[1]
        cosine, sine = torch.cos(self.roll) / self.zoom, torch.sin(self.roll) / self.zoom
        return x * cosine + y * sine, y * cosine - x * sine

    def seen(self, x: Tensor, y: Tensor, depth: float) -> tuple[Tensor, Tensor]:
        """Coordinates in the plane at this depth: positive is in front."""
        return x - depth * self.yaw, y - depth * self.pitch


def posed(views: int, rng: Random) -> Pose:
    """What one patient does at several visits."""

    def each(spread: float, centre: float = 0.0) -> Tensor:
        return per_view(rng, views, spread, centre)

    return Pose(
        shift=(each(0.05), each(0.06)),
        zoom=each(0.045, rng.gauss(1.12, 0.05)),
        roll=each(0.035),
        yaw=each(0.13),
        pitch=each(0.10),
        breath=each(0.075),
    )


def draw_patient(
    finding: ChestFinding, size: int, views: int, rng: Random
) -> tuple[Tensor, Tensor]:
    """Visits (views, 1, size, size) of one patient, and where the finding lies."""
    edge, pose = edge_of(size), posed(views, rng)
    x, y = pose.coordinates(size)
    body, lungs = _body(x, y, pose, edge, rng), _lungs(x, y, pose, edge, rng)
    heart = _heart(x, y, pose, edge, rng)
    vessels = _vessels(x, y, pose, rng) * lungs
    path = body + 0.34 * heart - rng.uniform(0.56, 0.68) * lungs * (1 - 0.75 * heart)
    path = path + _bones(x, y, pose, edge, rng) + vessels
    path = path - _stomach(x, y, pose, edge, rng)
    open_lung = (lungs > 0.25) * lungs.clamp(0, 1) * (1 - 0.8 * heart)
    shadow = finding.shadow(*pose.seen(x, y, rng.uniform(-0.35, 0.35)), rng) * open_lung
    path = with_devices(path + shadow, x, y, edge, rng)
    return marked(film(path, rng), rng)[:, None], shadow.abs() > 0.06


def _chord(x, y, centre: tuple, radii: tuple) -> Tensor:
    """The way through an ellipsoid, 1 where it is thickest."""
    inside = 1 - ((x - centre[0]) / radii[0]) ** 2 - ((y - centre[1]) / radii[1]) ** 2
    return inside.clamp_min(0).sqrt()


def _body(x, y, pose: Pose, edge: float, rng: Random) -> Tensor:
    """Trunk, neck, shoulders, breasts and arms: thick in the middle, thin at the sides."""
    wide, fat = rng.uniform(0.82, 0.98), rng.uniform(0.0, 0.16)
    slope = torch.sigmoid((y + rng.uniform(0.62, 0.78)) / 0.06)
    half = (0.24 + rng.uniform(0, 0.06)) * (1 - slope) + wide * slope
    trunk = (1 - (x / half) ** 2).clamp_min(0).sqrt()
    belly = 0.35 * torch.sigmoid((y - 0.55 - 0.5 * pose.breath) / 0.09)
    breasts = sum(_chord(x * side, y, (0.45, 0.30), (0.30, 0.26)) for side in (-1, 1))
    raised = rng.random() < 0.5
    arms = sum(
        cover((x * side - 0.95 - (0.12 if raised else 0.0) - 0.2 * y).abs() - 0.13, 3 * edge)
        * _lower(y, -0.75 if raised else -0.3, edge)
        for side in (-1, 1)
    )
    scapula = sum(
        0.10
        * cover((0.62 + 0.08 * y - pose.seen(x, y, -0.5)[0] * side).abs() - 0.07, 3 * edge)
        * _lower(-y, -0.1, edge)
        * _lower(y, -0.72, edge)
        for side in (-1, 1)
    )
    return trunk * (0.95 + belly) + fat * breasts + 0.35 * arms + rng.uniform(0.4, 1) * scapula


def _lower(y, level: float, edge: float) -> Tensor:
    return torch.sigmoid((y - level) / (6 * edge))


def _lungs(x, y, pose: Pose, edge: float, rng: Random) -> Tensor:
    """How much air lies on the way: each lung is thick in its middle and cut by its diaphragm."""
    low, wide, tall = rng.uniform(0.42, 0.55), rng.uniform(0.92, 1.08), rng.uniform(0.92, 1.05)
    air = torch.zeros_like(x)
    for side in (-1, 1):
        near = x * side / wide
        lung = _chord(near - 0.10 * y, y, (0.40, 0.06), (0.33, 0.80 * tall)).pow(0.6)
        dome = low + pose.breath - 0.06 * (side < 0) + 1.7 * (near - 0.34) ** 2
        air = air + lung * cover(y - dome, 2.5 * edge)
    return air


def _heart(x, y, pose: Pose, edge: float, rng: Random) -> Tensor:
    """Heart and great vessels between two borders; the apex points to the viewer's right."""
    size, low = rng.uniform(0.85, 1.25), rng.gauss(0.0, 0.02)
    hx, hy = pose.seen(x, y - 0.4 * pose.breath - low, 0.35)
    knob = 0.045 * torch.exp(-(((hy + 0.26) / 0.08) ** 2))
    ventricle = torch.sigmoid((hy + 0.02) / 0.11) * (1.05 - 0.5 * (hy - 0.30).clamp_min(0))
    left = 0.09 + knob + 0.30 * size * ventricle
    right = 0.10 + 0.10 * size * torch.exp(-(((hy - 0.22) / 0.20) ** 2))
    half, middle = (left + right) / 2, (left - right) / 2
    thick = (1 - ((hx - middle) / half) ** 2).clamp_min(0).sqrt()
    deep = 0.45 + 0.55 * torch.sigmoid((hy + 0.02) / 0.12)
    return thick * deep * _lower(-hy, -0.52, edge) * _lower(hy, -0.75, edge)


def _bones(x, y, pose: Pose, edge: float, rng: Random) -> Tensor:
    """Spine, ribs behind and in front, collar bones: each in its own plane of depth."""
    sx, sy = pose.seen(x, y, -0.55)
    discs = 0.72 + 0.28 * torch.cos(sy * rng.uniform(34, 40) + rng.uniform(0, 6))
    scoliosis = rng.gauss(0, 0.02) * torch.sin(2.2 * sy)
    bones = 0.26 * cover((sx - scoliosis).abs() - 0.065, 2.5 * edge) * discs
    strength, gap = rng.uniform(0.28, 0.44), rng.uniform(0.135, 0.165)
    bones = bones + strength * _ribs(
        *pose.seen(x, y, -0.45), gap, rng.uniform(-0.95, -0.8), 0.55, edge
    )
    front = _ribs(*pose.seen(x, y, 0.45), 1.25 * gap, rng.uniform(-0.85, -0.7), -0.6, edge)
    bones = bones + rng.uniform(0.25, 0.5) * strength * front
    cx, cy = pose.seen(x, y, 0.4)
    tilt, height = rng.gauss(0.12, 0.05), rng.uniform(-0.66, -0.56)
    collar = (cy - height + tilt * cx.abs() + 0.05 * torch.cos(7 * cx)).abs() - 0.022
    return bones + 0.26 * cover(collar, 1.5 * edge) * cover((cx.abs() - 0.38).abs() - 0.30, 0.02)


def _ribs(x, y, gap: float, first: float, fall: float, edge: float) -> Tensor:
    """Arcs that rise from the spine and fall towards the side (behind), or the other way round."""
    out = x.abs()
    along = y - fall * (out**2 - 0.1 * out)
    phase = torch.remainder((along - first) / gap, 1.0) - 0.5
    rib = cover(phase.abs() * gap - 0.024, 1.5 * edge)
    border = cover(phase.abs() * gap - 0.024, 1.5 * edge) - cover(
        phase.abs() * gap - 0.012, 1.5 * edge
    )
    cage = cover(torch.hypot(x / 0.86, (y - 0.05) / 0.92) - 1, 0.04) * cover(0.09 - out, 0.03)
    return (0.55 * rib + 0.45 * border) * cage


def _vessels(x, y, pose: Pose, rng: Random) -> Tensor:
    """A tree from each hilum outwards; its branches lie in two planes and shift with the pose."""
    total = torch.zeros_like(x)
    for depth in (-0.2, 0.2):
        vx, vy = pose.seen(x, y, depth)
        across, down = (vx.abs() - 0.13) / 0.36, (vy - 0.02) / 0.48
        away = torch.hypot(across, down)
        angle = torch.atan2(down, across)
        curl = 0.5 * waves(vx, vy, rng, 0.5, count=4)
        branch = torch.sigmoid(
            5 * waves(1.1 * angle + 0.35 * curl, 0.9 * away, rng, 0.40, count=7) - 3
        )
        hilum = torch.exp(-((2.6 * away) ** 2))
        total = total + rng.uniform(0.10, 0.2) * (torch.exp(-1.4 * away) * branch + 0.35 * hilum)
    return total


def _stomach(x, y, pose: Pose, edge: float, rng: Random) -> Tensor:
    """A bubble of air below the left diaphragm, at some visits."""
    full = (per_view(rng, len(x), 1.0) > 0.2).float() * rng.uniform(0.1, 0.3)
    return full * _chord(x, y - pose.breath, (0.42, 0.72), (0.16, 0.09))
