"""From a body to a film: devices, photons, exposure, and the habits of a hospital."""

from dataclasses import dataclass
from functools import lru_cache
from random import Random

import torch
from torch import Tensor

from utils.data.phantoms.drawing import capsule, cover, per_view, stamp

HOSPITALS = 12
BLACK, WHITE = 0.02, 0.95  # beyond the collimator; lead letters
CONTRAST = 1.6  # how strongly a path of 1 absorbs


@dataclass(frozen=True)
class Hospital:
    """What the films of one hospital have in common. It does not depend on the disease."""

    letter: str  # of lead, on this side of the patient
    text: str  # printed in the other upper corner
    dose: float  # photons per pixel of a film 256 pixels wide
    scatter: float  # share of the beam
    middle: float  # of the window: this path is grey
    width: float
    gamma: float
    collimated: float  # share of films with a closed border


@lru_cache(maxsize=HOSPITALS)
def hospital(number: int) -> Hospital:
    """The same number is the same hospital in every data set."""
    rng = Random(f"hospital {number}")
    return Hospital(
        letter=rng.choice("LR"),
        text=rng.choice(("", "", "AP", "PA", "SUPINE", "PORTABLE")),
        dose=rng.uniform(1200, 3200),
        scatter=rng.uniform(0.05, 0.16),
        middle=rng.gauss(0.66, 0.05),
        width=rng.uniform(0.85, 1.2),
        gamma=rng.uniform(0.85, 1.2),
        collimated=rng.uniform(0.0, 0.6),
    )


def random_hospital(rng: Random) -> Hospital:
    return hospital(rng.randrange(HOSPITALS))


def exposed(path: Tensor, style: Hospital, rng: Random) -> Tensor:
    """Photons counted behind the body (views, size, size), their logarithm, and a window.

    N = N0 exp(-p) photons arrive in each pixel, with the spread of such counts. Where the body
    is dense few arrive, so white is where an X-ray is noisy.
    """
    views, size = path.shape[0], path.shape[-1]
    dose = style.dose * (256 / size) ** 2 * per_view(rng, views, 0.25).exp()
    stray = style.scatter * torch.exp(-path.mean((1, 2), keepdim=True))
    arriving = dose * (torch.exp(-CONTRAST * path) + stray)
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    spread = torch.randn(path.shape, generator=generator)  # Poisson's, for so many photons
    counted = (arriving + arriving.sqrt() * spread).clamp_min(1)
    shown = -torch.log(counted / dose) / CONTRAST
    middle = per_view(rng, views, 0.05, style.middle)
    width = per_view(rng, views, 0.10, style.width).clamp(0.5, 2)
    gamma = per_view(rng, views, 0.08, style.gamma).clamp(0.6, 1.6)
    return torch.sigmoid(3.4 * (shown - middle) / width) ** gamma


def labelled(films: Tensor, style: Hospital, rng: Random) -> Tensor:
    """Films (views, size, size) with the hospital's letter, text and closed borders: not on all."""
    for film in films:
        if rng.random() < 0.7:
            _print(film, style.letter, 0.075, style.letter == "L", rng)
        if style.text and rng.random() < 0.6:
            _print(film, style.text, 0.05, style.letter != "L", rng)
        if rng.random() < style.collimated:
            _close(film, rng.randrange(4), rng.uniform(0.015, 0.05))
    return films


def _print(film: Tensor, text: str, height: float, on_right: bool, rng: Random) -> None:
    """Letters in an upper corner, at a place that differs a little each time."""
    size = film.shape[-1]
    letters = stamp(text, max(4, round(height * size)))
    top, left = round(size * rng.uniform(0.02, 0.12)), round(size * rng.uniform(0.02, 0.08))
    left = size - letters.shape[1] - left if on_right else left
    part = film[top : top + letters.shape[0], left : left + letters.shape[1]]
    torch.maximum(part, WHITE * letters, out=part)


def _close(film: Tensor, side: int, border: float) -> None:
    """Beyond the collimator hardly a photon arrives; its edge has a penumbra."""
    along = (torch.arange(len(film)) + 0.5) / len(film)
    beam = torch.sigmoid(((along if side % 2 else 1 - along) - border) / 0.012)
    film.sub_(BLACK).mul_(beam if side < 2 else beam[:, None]).add_(BLACK)


def devices(x: Tensor, y: Tensor, edge: float, rng: Random) -> Tensor:
    """At some visits: leads of an ECG, a tube, a pacemaker. They absorb more than bone."""
    shadow = torch.zeros_like(x)
    for view in range(len(x)):
        for device, share in ((_leads, 0.18), (_tube, 0.12), (_pacemaker, 0.02)):
            if rng.random() < share:
                shadow[view] = torch.maximum(shadow[view], device(x[view], y[view], edge, rng))
    return shadow


def _leads(x, y, edge, rng: Random) -> Tensor:
    wires = torch.zeros_like(x)
    for _ in range(rng.randint(1, 3)):
        end, start = (rng.uniform(-0.5, 0.5), rng.uniform(-0.2, 0.5)), (rng.uniform(-0.8, 0.8), 1.0)
        bow = 0.08 * torch.sin(4 * y + rng.uniform(0, 6))
        wire = 0.25 * cover(capsule(x + bow, y, start, end, 0.006), edge)
        electrode = 0.5 * cover(torch.hypot(x + bow - end[0], y - end[1]) - 0.028, edge)
        wires = torch.maximum(wires, torch.maximum(wire, electrode))
    return wires


def _tube(x, y, edge, rng: Random) -> Tensor:
    bow = 0.03 * torch.sin(3 * y + rng.uniform(0, 6))
    end = (rng.gauss(0.02, 0.03), rng.uniform(-0.3, 0.8))
    return 0.22 * cover(capsule(x + bow, y, (0.0, -1.1), end, 0.012), edge)


def _pacemaker(x, y, edge, rng: Random) -> Tensor:
    centre = (rng.choice((-1, 1)) * 0.5, -0.45)
    box = cover(torch.hypot((x - centre[0]) / 1.2, y - centre[1]) - 0.085, edge)
    lead = cover(capsule(x + 0.05 * torch.sin(5 * y), y, centre, (0.12, 0.3), 0.007), edge)
    return torch.maximum(0.9 * box, 0.3 * lead)
