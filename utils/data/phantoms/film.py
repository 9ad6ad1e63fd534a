"""From a body to a film: photons, exposure, the hospital's habits, markers and devices."""

from random import Random

import torch
from torch import Tensor

from utils.data.phantoms.drawing import capsule, cover, per_view, stamp

CLEAR = 0.35  # the path through little more than air, black on the film


def film(path: Tensor, rng: Random) -> Tensor:
    """Counts of photons after the path, their logarithm, and a window: what the viewer shows.

    N = N0 exp(-p) photons arrive in each pixel, with the spread of such counts. Where the body
    is dense few arrive, so white is where a radiograph is noisy.
    """
    views, size = path.shape[0], path.shape[-1]
    dose = 1200 * (256 / size) ** 2 * per_view(rng, views, 0.25, rng.uniform(0.0, 1.0)).exp()
    scatter = rng.uniform(0.05, 0.16) * torch.exp(-path.mean((1, 2), keepdim=True))
    arriving = dose * (torch.exp(-1.6 * path) + scatter)
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    noise = torch.randn(path.shape, generator=generator)
    counted = (arriving + arriving.sqrt() * noise).clamp_min(1)
    shown = -torch.log(counted / dose) / 1.6
    middle = per_view(rng, views, 0.05, rng.gauss(0.66, 0.05))
    width = per_view(rng, views, 0.10, rng.uniform(0.85, 1.2))
    return torch.sigmoid(3.4 * (shown - middle) / width)


def marked(pictures: Tensor, rng: Random) -> Tensor:
    """A hospital's habits: a letter for the side, collimated borders, a curve of grey levels."""
    views, size = pictures.shape[0], pictures.shape[-1]
    pictures = pictures ** per_view(rng, views, 0.08, rng.uniform(0.85, 1.2)).clamp(0.6, 1.6)
    letter, corner = rng.choice("LRAX"), rng.choice((0, 1))
    for view in range(views):
        if rng.random() < 0.7:
            pictures[view] = _stamped(pictures[view], letter, corner, rng)
        if rng.random() < 0.35:
            border = int(size * rng.uniform(0.01, 0.05))
            side = rng.choice(("top", "bottom", "left", "right"))
            _close(pictures[view], side, border)
    return pictures


def _close(picture: Tensor, side: str, border: int) -> None:
    """Beyond the collimator no photon arrives; the viewer shows it black."""
    size = picture.shape[-1]
    rows = {"top": slice(0, border), "bottom": slice(size - border, size)}
    if side in rows:
        picture[rows[side]] = 0.02
    else:
        picture[:, slice(0, border) if side == "left" else slice(size - border, size)] = 0.02


def _stamped(picture: Tensor, letter: str, corner: int, rng: Random) -> Tensor:
    size = picture.shape[-1]
    glyph = stamp(letter, max(5, size // 13))
    high, wide = glyph.shape
    top = int(size * rng.uniform(0.02, 0.12))
    left = int(size * rng.uniform(0.02, 0.08))
    left = left if corner == 0 else size - wide - left
    part = picture[top : top + high, left : left + wide]
    picture[top : top + high, left : left + wide] = torch.maximum(
        part, 0.95 * glyph[: part.shape[0], : part.shape[1]]
    )
    return picture


def with_devices(path: Tensor, x: Tensor, y: Tensor, edge: float, rng: Random) -> Tensor:
    """At some visits: leads of an ECG, a tube, a line, a pacemaker. They absorb more than bone."""
    shadow = torch.zeros_like(path)
    for view in range(len(path)):
        for device, share in ((_leads, 0.18), (_tube, 0.12), (_pacemaker, 0.05)):
            if rng.random() < share:
                shadow[view] = torch.maximum(shadow[view], device(x[view], y[view], edge, rng))
    return path + shadow


def _leads(x, y, edge, rng: Random) -> Tensor:
    wires = torch.zeros_like(x)
    for _ in range(rng.randint(1, 3)):
        end, start = (rng.uniform(-0.5, 0.5), rng.uniform(-0.2, 0.5)), (rng.uniform(-0.8, 0.8), 1.0)
        bow = 0.08 * torch.sin(4 * y + rng.uniform(0, 6))
        wire = 0.25 * cover(capsule(x + bow, y, start, end, 0.006), edge)
        dot = 0.5 * cover(torch.hypot(x + bow - end[0], y - end[1]) - 0.028, edge)
        wires = torch.maximum(wires, torch.maximum(wire, dot))
    return wires


def _tube(x, y, edge, rng: Random) -> Tensor:
    bow = 0.03 * torch.sin(3 * y + rng.uniform(0, 6))
    end = (rng.gauss(0.02, 0.03), rng.uniform(-0.3, 0.8))
    return 0.22 * cover(capsule(x + bow, y, (0.0, -1.1), end, 0.012), edge)


def _pacemaker(x, y, edge, rng: Random) -> Tensor:
    place = (rng.choice((-1, 1)) * 0.5, -0.45)
    box = cover(torch.hypot((x - place[0]) / 1.2, y - place[1]) - 0.085, edge)
    lead = cover(capsule(x + 0.05 * torch.sin(5 * y), y, place, (0.12, 0.3), 0.007), edge)
    return torch.maximum(0.9 * box, 0.3 * lead)
