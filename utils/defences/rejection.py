"""Refuse what does not look familiar: no answer, where the model is not sure enough."""

from dataclasses import dataclass

import torch
from torch import Tensor

from utils.attacks.losses import confidence, energy

MEASURES = {"energy": energy, "confidence": confidence}


@dataclass(frozen=True)
class Rejector:
    """Accepts an image whose logits are at least as sure as the threshold (Liu 2020)."""

    measure: str  # see MEASURES
    threshold: float

    def accepts(self, logits: Tensor) -> Tensor:
        return MEASURES[self.measure](logits) >= self.threshold


def fit_rejector(measure: str, familiar: Tensor, keep: float = 0.95) -> Rejector:
    """The rejector that accepts the share `keep` of familiar images, given their logits."""
    if measure not in MEASURES:
        raise ValueError(f"unknown measure {measure!r}; choose from {', '.join(MEASURES)}")
    if not len(familiar) or not 0 < keep < 1:
        raise ValueError(f"needs familiar images and 0 < keep < 1, got {len(familiar)} and {keep}")
    return Rejector(measure, float(torch.quantile(MEASURES[measure](familiar), 1 - keep)))
