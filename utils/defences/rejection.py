"""Rejection: no prediction for an image on which the model is not sure enough."""

import numpy as np
import torch
from torch import Tensor

from utils.attacks.losses import confidence, energy

MEASURES = {"energy": energy, "confidence": confidence}
ACCEPTED = 0.95  # share of the known images that a fitted rejector accepts


class Rejector:
    """Accepts an image whose logits are at least as sure as a threshold (Liu 2020)."""

    def __init__(self, measure: str):
        if measure not in MEASURES:
            raise ValueError(f"unknown measure {measure!r}; choose from {', '.join(MEASURES)}")
        self.measure, self.threshold = measure, float("nan")

    def fit(self, known: Tensor) -> "Rejector":
        """Set the threshold at which most images are accepted, given the logits of known ones."""
        if not len(known):
            raise ValueError("no known image to set the threshold with; give logits of some")
        self.threshold = float(torch.quantile(MEASURES[self.measure](known), 1 - ACCEPTED))
        return self

    def score(self, logits: Tensor) -> np.ndarray:
        """One number per image; higher is more suspicious."""
        return -MEASURES[self.measure](logits).cpu().numpy()

    def accepts(self, logits: Tensor) -> Tensor:
        return MEASURES[self.measure](logits) >= self.threshold
