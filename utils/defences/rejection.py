"""Rejection: no prediction for an image on which the model is not sure enough.

An attack on a model that may reject has succeeded where the model is wrong *and* accepts.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from utils.attacks.base import Attack, norm_of
from utils.attacks.losses import LOSSES, confidence, energy, margin
from utils.attacks.pgd import PGD
from utils.data.split import Split
from utils.defences.base import Defence, views_of
from utils.evaluation.inference import logits

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


@dataclass(frozen=True)
class JointLoss:
    """The margin, and once an image is misclassified also the measure of the rejector.

    Climbed from the start, the measure would make the model surer of the true class.
    """

    measure: str

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        lead = margin(logits, labels)
        return lead + LOSSES[self.measure](logits, labels).where(lead > 0, 0.0)


class SelectiveClassifier(Defence):
    """A model whose predictions count only where a rejector accepts them.

    Its logits are those of the model: `accepts` is to be read beside them.
    """

    def __init__(self, model: nn.Module, rejector: Rejector):
        super().__init__()
        if np.isnan(rejector.threshold):
            raise ValueError("the rejector has no threshold yet; fit it to logits of known images")
        self.model, self.rejector = model, rejector
        self.repeats = getattr(model, "repeats", 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images)

    def accepts(self, images: Tensor) -> Tensor:
        return self.rejector.accepts(self(images).float())

    def views(self) -> tuple[nn.Module, ...]:
        return views_of(self.model)

    def variants(self, attack: Attack) -> tuple[Attack, ...]:
        """Beside the attack on the class alone, one on class and rejector together.

        The same again in finer steps: some images swing across the class boundary to the last.
        """
        if getattr(attack, "epsilon", None) is None:
            return (attack,)
        joint = PGD(attack.epsilon, norm=norm_of(attack))
        joint = attack if isinstance(attack, PGD) else joint
        joint = replace(joint, loss=JointLoss(self.rejector.measure), stop_when_fooled=False)
        return attack, joint, replace(joint, steps=2 * joint.steps, step=None)

    def success(self, logits: Tensor, lead: Tensor) -> Tensor:
        """Above 0 where the image is both across the class boundary and accepted."""
        rejector = self.rejector
        surplus = MEASURES[rejector.measure](logits) - rejector.threshold
        return torch.where(rejector.accepts(logits), lead, torch.minimum(lead, surplus))

    def outcome(self, split: Split, attack: Attack | None = None, **options) -> dict[str, float]:
        """The shares of all images: accepted, accepted and right, accepted and wrong."""
        found = logits(self, split, attack, **options)
        accepted, right = self.rejector.accepts(found), found.argmax(1) == split.labels
        shares = {
            "accepted": accepted,
            "accepted and right": accepted & right,
            "accepted and wrong": accepted & ~right,
        }
        return {name: float(rows.float().mean()) for name, rows in shares.items()}
