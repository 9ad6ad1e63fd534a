"""Frontal chest X-ray: a body in three dimensions, and how much of a beam it absorbs.

Lungs, heart, bones, vessels and findings have a place in depth. Each view is a visit of its own:
the patient stands a little turned, has breathed in less or more, and the exposure is another.
So two images of one patient are hardly more alike than those of two patients, as in reality.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from utils.data.phantoms.chest_findings import ChestFinding
from utils.data.phantoms.drawing import chord, cover, edge_of, per_view, place, waves
from utils.data.phantoms.film import devices, exposed, labelled, random_hospital

SIDES = (-1, 1)  # the patient's right and left, which the viewer sees on the left and right
BACK, SPINE, FRONT = -0.45, -0.55, 0.45  # depths; 0 is the middle of the body


@dataclass(frozen=True)
class Pose:
    """How the patient stands at each visit; every value is a tensor (views, 1, 1)."""

    shift: tuple[Tensor, Tensor]
    zoom: Tensor
    roll: Tensor
    yaw: Tensor  # shift to the side, per unit of depth
    pitch: Tensor  # shift downwards, per unit of depth
    breath: Tensor  # how far the diaphragm has gone down

    def film(self, size: int) -> tuple[Tensor, Tensor]:
        """Coordinates in the middle of the body."""
        return place(size, self.shift, self.roll, self.zoom)

    def plane(self, x: Tensor, y: Tensor, depth: float) -> tuple[Tensor, Tensor]:
        """Coordinates at another depth; positive is in front."""
        return x - depth * self.yaw, y - depth * self.pitch

    def lung(self, x: Tensor, y: Tensor) -> Callable[[float], tuple[Tensor, Tensor]]:
        """Planes of the lungs: a breath moves their base and leaves their top in place."""

        def plane(depth: float) -> tuple[Tensor, Tensor]:
            across, down = self.plane(x, y, depth)
            return across, down - self.breath * ((down + 0.7) / 1.2).clamp(0, 1)

        return plane


def random_pose(views: int, rng: Random) -> Pose:
    """One patient at several visits: only the size of the body stays."""

    def each(spread: float, centre: float = 0.0) -> Tensor:
        return per_view(rng, views, spread, centre)

    return Pose(
        shift=(each(0.05), each(0.06)),
        zoom=each(0.045, rng.gauss(1.06, 0.05)),
        roll=each(0.035),
        yaw=each(0.13),
        pitch=each(0.10),
        breath=each(0.075),
    )


def draw_patient(
    finding: ChestFinding, size: int, views: int, rng: Random
) -> tuple[Tensor, Tensor]:
    """Visits (views, 1, size, size) of one patient, and where the finding lies.

    The same `rng` with another finding gives the same body, poses and devices.
    """
    edge, pose, hospital = edge_of(size), random_pose(views, rng), random_hospital(rng)
    x, y = pose.film(size)
    lung, air = pose.lung(x, y), _air(x, y, pose, edge, rng)
    heart = _heart(x, y, pose, edge, rng)
    path = _trunk(x, y, pose, rng) + _limbs(x, y, pose, edge, rng)
    path = path + 0.34 * heart - rng.uniform(0.56, 0.68) * air * (1 - 0.75 * heart)
    path = path + _bones(x, y, pose, edge, rng) + _vessels(lung, rng) * air
    path = path - _stomach(x, y, pose, rng)
    aerated = (air > 0.25) * air.clamp(0, 1) * (1 - 0.8 * heart)
    shadow = finding.shadow(lung, Random(rng.getrandbits(64))) * aerated
    path = path + shadow + devices(x, y, edge, rng)
    return labelled(exposed(path, hospital, rng), hospital, rng)[:, None], _visible(shadow)


def _visible(shadow: Tensor) -> Tensor:
    """Where a finding absorbs noticeably more or less, or for a faint one, comparatively so."""
    peak = shadow.abs().amax((1, 2), keepdim=True)
    return shadow.abs() > (0.3 * peak).clamp(max=0.06)


def _trunk(x, y, pose: Pose, rng: Random) -> Tensor:
    """Neck, shoulders, belly and breasts: thick in the middle, thin at the sides."""
    wide, neck, fat = rng.uniform(0.82, 0.98), rng.uniform(0.24, 0.30), rng.uniform(0.0, 0.16)
    shoulder = torch.sigmoid((y + rng.uniform(0.62, 0.78)) / 0.06)
    half = neck + (wide - neck) * shoulder
    thick = (1 - (x / half) ** 2).clamp_min(0).sqrt()
    belly = 0.35 * torch.sigmoid((y - 0.55 - 0.5 * pose.breath) / 0.09)
    bx, by = pose.plane(x, y, FRONT)
    return thick * (0.95 + belly) + fat * chord(bx.abs(), by, (0.45, 0.30), (0.30, 0.26))


def _limbs(x, y, pose: Pose, edge: float, rng: Random) -> Tensor:
    """Arms, hanging or raised, and shoulder blades."""
    away, top = (0.12, -0.75) if rng.random() < 0.5 else (0.0, -0.3)
    arms = cover((x.abs() - 0.95 - away - 0.2 * y).abs() - 0.13, 3 * edge) * _below(y, top, edge)
    bx, by = pose.plane(x, y, BACK)
    blades = cover((bx.abs() - 0.62 - 0.08 * by).abs() - 0.07, 3 * edge)
    blades = blades * _below(by, -0.72, edge) * _below(-by, -0.1, edge)
    return 0.35 * arms + rng.uniform(0.04, 0.10) * blades


def _below(y, level: float, edge: float) -> Tensor:
    return torch.sigmoid((y - level) / (6 * edge))


def _air(x, y, pose: Pose, edge: float, rng: Random) -> Tensor:
    """How much air lies on the way: each lung is thick in its middle and cut by its diaphragm."""
    low, wide, tall = rng.uniform(0.42, 0.55), rng.uniform(0.92, 1.08), rng.uniform(0.92, 1.05)
    air = torch.zeros_like(x)
    for side in SIDES:
        near = x * side / wide
        lung = chord(near - 0.10 * y, y, (0.40, 0.08), (0.33, 0.75 * tall)).pow(0.6)
        dome = low + pose.breath - 0.06 * (side < 0) + 1.7 * (near - 0.34) ** 2
        air = air + lung * cover(y - dome, 2.5 * edge)
    return air


def _heart(x, y, pose: Pose, edge: float, rng: Random) -> Tensor:
    """Heart and great vessels between two borders; the apex points to the viewer's right."""
    size, low = rng.uniform(0.85, 1.25), rng.gauss(0.0, 0.02)
    hx, hy = pose.plane(x, y - 0.4 * pose.breath - low, 0.35)
    knob = 0.045 * torch.exp(-(((hy + 0.26) / 0.08) ** 2))
    ventricle = torch.sigmoid((hy + 0.02) / 0.11)
    left = 0.09 + knob + 0.30 * size * ventricle * (1.05 - 0.5 * (hy - 0.30).clamp_min(0))
    right = 0.10 + 0.10 * size * torch.exp(-(((hy - 0.22) / 0.20) ** 2))
    half, middle = (left + right) / 2, (left - right) / 2
    thick = (1 - ((hx - middle) / half) ** 2).clamp_min(0).sqrt()
    deep = 0.45 + 0.55 * ventricle
    return thick * deep * _below(-hy, -0.52, edge) * _below(hy, -0.75, edge)


def _bones(x, y, pose: Pose, edge: float, rng: Random) -> Tensor:
    """Spine, ribs behind and in front, collar bones: each in its own plane of depth."""
    sx, sy = pose.plane(x, y, SPINE)
    discs = 0.72 + 0.28 * torch.cos(sy * rng.uniform(34, 40) + rng.uniform(0, 6))
    bow = rng.gauss(0, 0.02) * torch.sin(2.2 * sy)
    spine = 0.26 * cover((sx - bow).abs() - 0.065, 2.5 * edge) * discs
    strength, gap = rng.uniform(0.28, 0.44), rng.uniform(0.135, 0.165)
    rear = _ribs(*pose.plane(x, y, BACK), gap, rng.uniform(-0.95, -0.8), 0.55, edge)
    cx, cy = pose.plane(x, y, FRONT)
    front = _ribs(cx, cy, 1.25 * gap, rng.uniform(-0.85, -0.7), -0.6, edge)
    out, height = cx.abs(), rng.uniform(-0.66, -0.56)
    collar = cy - height + rng.gauss(0.12, 0.05) * out + 0.05 * torch.cos(7 * cx)
    collar = cover(collar.abs() - 0.022, 1.5 * edge) * cover((out - 0.38).abs() - 0.30, 0.02)
    return spine + strength * (rear + rng.uniform(0.15, 0.4) * front) + 0.26 * collar


def _ribs(x, y, gap: float, first: float, fall: float, edge: float) -> Tensor:
    """Arcs that fall towards the side (behind), or rise (in front); denser at their borders."""
    out = x.abs()
    along = y - fall * (out**2 - 0.1 * out)
    away = (torch.remainder((along - first) / gap, 1.0) - 0.5).abs() * gap
    rib = cover(away - 0.024, 1.5 * edge) - 0.45 * cover(away - 0.012, 1.5 * edge)
    cage = cover(torch.hypot(x / 0.86, (y - 0.05) / 0.92) - 1, 0.04)
    return rib * cage * cover(0.09 - out, 0.03)


def _vessels(lung, rng: Random) -> Tensor:
    """A tree from each hilum outwards; its branches lie in two planes and shift with the pose."""
    total = torch.zeros(())
    for depth in (-0.2, 0.2):
        x, y = lung(depth)
        across, down = (x.abs() - 0.13) / 0.36, (y - 0.02) / 0.48
        away = torch.hypot(across, down)
        turn = 1.1 * torch.atan2(down, across) + 0.19 * waves(x, y, rng, 0.5, count=4)
        branch = torch.sigmoid(5 * waves(turn, 0.9 * away, rng, 0.40, count=7) - 3)
        hilum = torch.exp(-((2.6 * away) ** 2))
        total = total + rng.uniform(0.10, 0.2) * (torch.exp(-1.4 * away) * branch + 0.35 * hilum)
    return total


def _stomach(x, y, pose: Pose, rng: Random) -> Tensor:
    """A bubble of air below the left diaphragm, at some visits."""
    full = (per_view(rng, len(x), 1.0) > 0.2).float() * rng.uniform(0.1, 0.3)
    return full * chord(x, y - pose.breath, (0.42, 0.72), (0.16, 0.09))
