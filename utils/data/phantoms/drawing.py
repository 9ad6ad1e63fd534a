"""The pencils of every phantom: placed coordinates, soft shapes, wavy textures.

Shapes are signed distances (negative inside) over normalised coordinates: x to the
right, y down, the picture reaching from -1 to 1. A number that belongs to one view
is a tensor (views, 1, 1); one that belongs to the patient is a plain float.
"""

import math
from functools import lru_cache
from random import Random

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor


def per_view(rng: Random, views: int, spread: float, centre: float = 0.0) -> Tensor:
    """One random number per view, around what all views of the patient share."""
    return torch.tensor([rng.gauss(centre, spread) for _ in range(views)]).view(-1, 1, 1)


def place(size: int, shift: tuple, angle, zoom) -> tuple[Tensor, Tensor]:
    """Coordinates (views, size, size) of a body that was shifted, turned and magnified."""
    line = (torch.arange(size) + 0.5) * (2 / size) - 1
    x, y = line[None, None, :] - shift[0], line[None, :, None] - shift[1]
    cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    return x * cosine + y * sine, y * cosine - x * sine


def jitter(size: int, views: int, rng: Random, shift=0.05, angle=0.08, zoom=0.06, visit=0.125):
    """`place` at random: the patient moves by the given spreads, each view by a share more."""

    def around(spread: float, centre: float = 0.0) -> Tensor:
        return per_view(rng, views, visit * spread, rng.uniform(-1.7, 1.7) * spread + centre)

    return place(size, (around(shift), around(shift)), around(angle), around(zoom, 1.0))


def ellipse(x, y, centre: tuple, radii: tuple, angle: float = 0.0) -> Tensor:
    dx, dy = x - centre[0], y - centre[1]
    if angle:
        cosine, sine = math.cos(angle), math.sin(angle)
        dx, dy = dx * cosine + dy * sine, dy * cosine - dx * sine
    return (torch.hypot(dx / radii[0], dy / radii[1]) - 1) * min(radii)


def chord(x, y, centre: tuple, radii: tuple, angle: float = 0.0) -> Tensor:
    """The way of a beam through an ellipsoid: 1 through its middle, 0 beside it."""
    away = ellipse(x, y, centre, radii, angle) / min(radii) + 1
    return (1 - away.square()).clamp_min(0).sqrt()


def capsule(x, y, start: tuple, end: tuple, radius) -> Tensor:
    """A line from start to end, as thick as two radii."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    dx, dy = x - start[0], y - start[1]
    place = (dx * along_x + dy * along_y) / (along_x**2 + along_y**2)
    place = place.clamp(0, 1)
    return torch.hypot(dx - place * along_x, dy - place * along_y) - radius


def cover(distance: Tensor, edge: float) -> Tensor:
    """How much of a pixel lies inside a shape: 1 inside, 0 outside, smooth over `edge`."""
    return torch.sigmoid(distance * (-1 / edge))


def edge_of(size: int, sharpest: float = 0.008) -> float:
    """The softness of an edge: about a pixel, and never sharper than the scanner."""
    return max(sharpest, 0.8 / size)


def waves(x, y, rng: Random, wavelength: float, count: int = 7) -> Tensor:
    """A random texture of one wavelength, mean 0 and variance 1: plane waves in all directions."""
    first, drawn = rng.random(), []
    for index in range(count):
        direction = math.pi * (index + first + rng.uniform(-0.3, 0.3)) / count
        number = 2 * math.pi / wavelength * rng.uniform(0.8, 1.25)
        phase = rng.uniform(0, 2 * math.pi)
        drawn.append((number * math.cos(direction), number * math.sin(direction), phase))
    right, down, phase = torch.tensor(drawn).T.reshape(3, count, *[1] * x.dim())
    return (right * x).addcmul_(down, y).add_(phase).cos_().sum(0).mul_(math.sqrt(2 / count))


def bend(x, y, rng: Random, amount: float, wavelength: float = 1.6) -> tuple[Tensor, Tensor]:
    """Coordinates bent a little, so that no two patients have the same outline."""
    dx, dy = (waves(x, y, rng, wavelength, count=2) for _ in range(2))
    return x + amount * dx, y + amount * dy


def grain(shape: tuple, rng: Random) -> Tensor:
    """Independent normal noise."""
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    return torch.randn(shape, generator=generator)


@lru_cache(maxsize=512)
def stamp(text: str, height: int) -> Tensor:
    """White letters, `height` pixels high: drawn large and averaged, so alike at every size."""
    font = ImageFont.load_default(size=96)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(image).text((-left, -top), text, fill=255, font=font)
    width = max(2, round(height * image.width / image.height))
    small = image.resize((width, height), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(small, dtype=np.float32) / 255)
