"""Chest X-rays with several findings at once, some of which come together.

Fluid follows a filled lobe or oedema, and a lung beside fluid collapses in part. So a finding says
something about its neighbours, in the pictures and in the labels.
"""

from dataclasses import dataclass
from random import Random

from torch import Tensor

from utils.data.phantoms import chest
from utils.data.phantoms.chest_findings import (
    ChestFinding,
    Lung,
    atelectasis,
    consolidation,
    effusion,
    mass,
    no_finding,
    oedema,
)

PATIENTS = 600  # by default
SHADOWS = {
    "consolidation": consolidation,
    "oedema": oedema,
    "effusion": effusion,
    "atelectasis": atelectasis,
    "mass": mass,
}
ALONE = {  # the share of patients with a finding, whatever else they have
    "consolidation": 0.25,
    "oedema": 0.2,
    "effusion": 0.08,
    "atelectasis": 0.1,
    "mass": 0.15,
}
BESIDE = {  # the share with a finding where another one is there; the largest counts
    "effusion": {"consolidation": 0.5, "oedema": 0.6},
    "atelectasis": {"effusion": 0.45},
}


def random_findings(rng: Random, certain: str | None = None) -> tuple[str, ...]:
    """The findings of one patient, maybe none; `certain` is one of them."""
    present: list[str] = []
    for name, alone in ALONE.items():
        shares = [share for other, share in BESIDE.get(name, {}).items() if other in present]
        drawn = rng.random() < max([alone, *shares])
        if drawn or name == certain:
            present.append(name)
    return tuple(present)


@dataclass(frozen=True)
class Together:
    """The shadows of several findings in one chest, each drawn by itself."""

    findings: tuple[str, ...]

    def __call__(self, lung: Lung, rng: Random) -> Tensor:
        total = no_finding(lung, rng)
        for name in self.findings:
            total = total + SHADOWS[name](lung, Random(rng.getrandbits(64)))
        return total


def draw_patient(
    findings: tuple[str, ...], size: int, views: int, rng: Random
) -> tuple[Tensor, Tensor]:
    """Visits (views, 1, size, size) of one patient, and where the findings lie."""
    return chest.draw_patient(ChestFinding(1, Together(findings)), size, views, rng)
