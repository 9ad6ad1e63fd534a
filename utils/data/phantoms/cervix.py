"""Colposcopy of the cervix: the type says how much of the transformation zone can be seen.

Type 1: the zone lies on the outer cervix, its border visible all round. Type 2: partly
in the canal, its border still visible. Type 3: mostly in the canal, border hidden.

Each view is a visit of its own: pose and light differ, and so do mucus, blood, the whitening by
acetic acid and the glare. The colposcope, one of a few, gives its colours, corners and date.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
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
    stamp,
    waves,
)

SPREAD = 0.07  # of retreat within one type
COLPOSCOPES = 12


@dataclass(frozen=True)
class Type:
    patients: int
    retreat: float  # of the zone into the canal: 0 none, 1 all


@dataclass(frozen=True)
class Colposcope:
    """What all photographs of one device have in common. It does not depend on the type."""

    gain: float
    falloff: float  # of its lamp towards the corners
    balance: tuple[float, float, float]  # of red, green and blue
    gamma: float
    noise: float
    stop: float  # black beyond this radius
    dated: bool  # prints a date below


TYPES = {"type_1": Type(68, 0.12), "type_2": Type(212, 0.46), "type_3": Type(120, 0.8)}


def draw_patient(kind: Type, size: int, views: int, rng: Random) -> tuple[Tensor, Tensor]:
    """Views (views, 3, size, size) of one patient, and the transformation zone."""
    edge, device = edge_of(size), colposcope(rng.randrange(COLPOSCOPES))
    retreat = min(1.0, max(0.0, rng.gauss(kind.retreat, SPREAD)))
    x, y = jitter(size, views, rng, shift=0.08, angle=0.25, zoom=0.07, visit=1.2)
    x, y = bend(x, y, rng, 0.03)
    folds = waves(x, y, rng, 0.5, count=5)
    outer = ellipse(x, y, (0, 0), (rng.uniform(0.66, 0.78), rng.uniform(0.62, 0.74)))
    canal = _canal(x, y, rng)
    zone = _zone(x, y, retreat, rng)
    image = _mucosa(x, y, outer, folds, edge, rng)
    image = _paint(image, *_columnar(x, y, zone, edge, rng))
    image = _acetowhite(image, x, y, zone, edge, rng)
    image = _paint(image, (0.16, 0.03, 0.04), cover(canal, 2.5 * edge))
    image = _in_the_way(image, x, y, edge, rng)
    image = _speculum(image, x, y, edge, rng)
    image = _glare(image, x, y, edge, rng)
    visible = (zone < 0) & (canal > 0) & (outer < 0)
    return _framed(_lit(image, x, y, device, rng), device, rng), visible


@lru_cache(maxsize=COLPOSCOPES)
def colposcope(number: int) -> Colposcope:
    """The same number is the same device in every data set."""
    rng = Random(f"colposcope {number}")
    return Colposcope(
        gain=rng.uniform(0.75, 1.1),
        falloff=rng.uniform(0.15, 0.5),
        balance=tuple(rng.gauss(1, 0.03) for _ in range(3)),
        gamma=rng.uniform(0.85, 1.2),
        noise=rng.uniform(0.008, 0.025),
        stop=rng.uniform(1.08, 1.22) if rng.random() < 0.3 else math.inf,
        dated=rng.random() < 0.3,
    )


def _paint(image, colour, amount) -> Tensor:
    """Lay a colour (three numbers, or a picture) over part of the image."""
    colour = torch.as_tensor(colour)
    colour = colour.view(3, 1, 1) if colour.dim() == 1 else colour
    return torch.lerp(image, colour, amount[:, None])


def _canal(x, y, rng) -> Tensor:
    """The mouth of the canal: a small round hole, or a slit after a birth."""
    radii = (rng.uniform(0.06, 0.15), rng.uniform(0.04, 0.06))
    return ellipse(x, y, (0, 0), radii, rng.gauss(0, 0.2))


def _zone(x, y, retreat, rng) -> Tensor:
    """The zone around the canal: it shrinks as it retreats, on one side first."""
    reach = rng.uniform(0.42, 0.54)
    towards = rng.uniform(0, 2 * math.pi)
    angle, away = torch.atan2(y, x), torch.hypot(x, y)
    lopsided = 0.75 * min(1.0, 1.6 * retreat) * (torch.cos(angle - towards) - 1) / 2
    border = reach * (1.12 - 0.78 * retreat + lopsided).clamp(min=0.1)
    lobes = 0.035 * torch.cos(3 * angle + rng.uniform(0, 6))
    lobes = lobes + 0.025 * torch.cos(5 * angle + rng.uniform(0, 6))
    return away - border * (1 + lobes) + 0.012 * waves(x, y, rng, 0.14, count=4)


def _mucosa(x, y, outer, folds, edge, rng) -> Tensor:
    """Pink outer cervix with fine vessels, before the redder, folded wall of the vagina."""
    pink = torch.tensor((0.86, rng.uniform(0.5, 0.62), rng.uniform(0.5, 0.62)))
    wall = torch.tensor((0.66, rng.uniform(0.26, 0.36), rng.uniform(0.27, 0.36)))
    image = wall.view(3, 1, 1) * (1 + 0.1 * folds[:, None])
    image = _paint(image, pink, cover(outer, 4 * edge))
    image = image * (1 - 0.25 * torch.exp(-((outer / 0.07) ** 2)))[:, None]
    width = max(0.16, 25 * edge)  # thinner than a pixel, a vessel is fainter instead
    vessels = 0.16 / width * torch.exp(-((waves(x, y, rng, 0.3, count=6) / width) ** 2))
    patches = torch.sigmoid(3 * waves(x, y, rng, 0.8, count=3))
    return _paint(image, (0.7, 0.2, 0.22), rng.uniform(0.15, 0.5) * vessels * patches)


def _columnar(x, y, zone, edge, rng) -> tuple[Tensor, Tensor]:
    """Red, grainy tissue, and how much of it covers each pixel."""
    red = torch.tensor((rng.uniform(0.7, 0.82), rng.uniform(0.2, 0.32), rng.uniform(0.2, 0.3)))
    grains = 1 + 0.08 * waves(x, y, rng, 0.075, count=9)
    return red.view(3, 1, 1) * grains[:, None], rng.uniform(0.75, 0.95) * cover(zone, 2 * edge)


def _acetowhite(image, x, y, zone, edge, rng) -> Tensor:
    """After acetic acid some tissue at the border of the zone turns white, at some visits."""
    applied = (per_view(rng, len(image), 1.0) > 0.4).float() * rng.uniform(0, 0.6)
    patches = torch.sigmoid(5 * waves(x, y, rng, 0.4, count=4) - 2)
    return _paint(image, (0.93, 0.86, 0.84), applied * patches * torch.exp(-((zone / 0.09) ** 2)))


def _in_the_way(image, x, y, edge, rng) -> Tensor:
    """Mucus, a little blood, the thread of a coil: each at some visits."""
    views = len(image)
    ragged = 0.05 * waves(x, y, rng, 0.3, count=4)
    place = (per_view(rng, views, 0.2), per_view(rng, views, 0.2, 0.1))
    radii = (rng.uniform(0.1, 0.28), 0.1)
    mucus = cover(ellipse(x, y, place, radii, rng.uniform(-1, 1)) + ragged, 0.04)
    image = _paint(image, (0.88, 0.86, 0.78), 0.65 * mucus * _present(rng, views, 0.35))
    trickle = capsule(x + ragged, y, (0.0, 0.03), (rng.gauss(0, 0.1), rng.uniform(0.3, 0.6)), 0.03)
    blood = cover(trickle + 0.4 * ragged, 2 * edge)
    image = _paint(image, (0.42, 0.02, 0.03), 0.85 * blood * _present(rng, views, 0.2))
    thread = capsule(x + 0.05 * torch.sin(6 * y), y, (0.0, 0.0), (rng.gauss(0, 0.1), 0.55), 0.008)
    here = float(rng.random() < 0.12)
    return _paint(image, (0.25, 0.3, 0.6), here * cover(thread, edge))


def _present(rng: Random, views: int, share: float) -> Tensor:
    return torch.tensor([float(rng.random() < share) for _ in range(views)]).view(-1, 1, 1)


def _framed(image, device: Colposcope, rng) -> Tensor:
    """Black corners beyond a round stop, and the date of the visit below."""
    size = image.shape[-1]
    if device.stop < math.inf:
        line = torch.linspace(-1, 1, size)
        away = torch.hypot(line[None, :], line[:, None])
        image = image * cover(away - device.stop, 2 / size)
    for picture in image if device.dated else ():
        date = stamp(f"{rng.randint(1, 28):02d}.{rng.randint(1, 12):02d}", max(4, size // 16))
        high, wide = date.shape
        part = picture[:, -high - 1 : -1, 1 : wide + 1]
        torch.maximum(part, date, out=part)
    return image


def _speculum(image, x, y, edge, rng) -> Tensor:
    """Two metal blades, above and below, opened a little differently at each visit."""
    for side in (-1, 1):
        opening = per_view(rng, len(x), 0.05, rng.uniform(0.78, 1.0))
        blade = opening - side * y - 0.3 * (x - rng.gauss(0, 0.1)) ** 2
        shine = 0.5 + 0.25 * torch.cos(9 * blade + rng.uniform(0, 6))
        metal = torch.stack((shine, shine, 1.03 * shine), 1)
        image = _paint(image, metal, cover(blade, 2 * edge))
    return image


def _glare(image, x, y, edge, rng) -> Tensor:
    """Wet tissue mirrors the lamp: small white spots at other places each time."""
    views = len(image)
    for _ in range(rng.randint(3, 7)):
        place = [per_view(rng, views, 0.25, rng.uniform(-0.5, 0.5)) for _ in range(2)]
        radii = (rng.uniform(0.015, 0.06), rng.uniform(0.012, 0.035))
        spot = cover(ellipse(x, y, place, radii, rng.uniform(-1.5, 1.5)), edge)
        image = _paint(image, (1.0, 0.97, 0.95), 0.9 * spot)
    return image


def _lit(image, x, y, device: Colposcope, rng) -> Tensor:
    """Lamp, white balance, noise."""
    views = len(image)
    gain = per_view(rng, views, 0.08, device.gain)
    centre = per_view(rng, views, 0.2)
    lamp = gain * torch.exp(-device.falloff * ((x - centre) ** 2 + y * y))
    balance = torch.stack([per_view(rng, views, 0.03, level) for level in device.balance], 1)
    seen = (image * balance * lamp[:, None]).clamp(min=1e-4) ** device.gamma
    return seen + device.noise * grain(seen.shape, rng)
