"""Attackers side by side: what they know, what they may change, what they ask, what they leave."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from utils.attacks.base import Attack
from utils.attacks.black_box.queries import QueryAttack, attacked_and_queries
from utils.data.split import Split, to_float
from utils.evaluation.image_similarity import ssim
from utils.evaluation.inference import logits, predict
from utils.evaluation.metrics import HEADLINE, score_of
from utils.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Threat:
    """An attacker: what they know, what they may change, and their attack."""

    knows: str
    may_change: str
    attack: Attack
    at_hand: nn.Module | None = None  # attacked in place of the model, which they do not have


@dataclass(frozen=True)
class Outcome:
    """What an attacker leaves of a model, and what it costs them per image."""

    threat: Threat
    predictions: Predictions
    images: Tensor  # attacked, in [0, 1]
    similarity: float  # SSIM of attacked and clean images, on average
    questions: float  # images that the model was shown
    gradients: float  # of the model, or of the one at hand
    seconds: float  # of one processor
    needed: np.ndarray | None  # questions until each image fell; None for attacks by gradients


def carry_out(threat: Threat, model: nn.Module, split: Split) -> Outcome:
    """The attack of a threat on all images of a split, with its costs.

    Costs are counted on the model itself, so an attack must not make a quicker copy of it.
    """
    observed = _Observed(threat.attack, threat.at_hand is None)
    found = predict(model, split, observed, seen_by_attacker=threat.at_hand)
    made = torch.cat(observed.made)
    alike = float(ssim(to_float(split.images), made).mean())
    costs = (observed.questions, observed.gradients, observed.seconds)
    needed = torch.cat(observed.needed).cpu().numpy() if observed.needed else None
    return Outcome(threat, found, made, alike, *(cost / len(split) for cost in costs), needed)


def threat_table(outcomes: Mapping[str, Outcome]) -> pd.DataFrame:
    """A row for each attacker: knowledge, means, costs per image, what is seen, what is left."""
    rows = {
        name: {
            "knows": outcome.threat.knows,
            "may change": outcome.threat.may_change,
            "questions": f"{outcome.questions:,.0f}",
            "gradients": f"{outcome.gradients:,.0f}",
            "CPU seconds": f"{outcome.seconds:.2f}",
            "SSIM": f"{outcome.similarity:.2f}",
            "images": len(outcome.images),
            f"{HEADLINE} left (%)": str(score_of(outcome.predictions, HEADLINE)),
        }
        for name, outcome in outcomes.items()
    }
    return pd.DataFrame.from_dict(rows, "index")


def reached(model: nn.Module, split: Split, attack: Attack, target: int) -> Tensor:
    """For each image, whether an attack towards a class makes the model predict this class."""
    return logits(model, split, attack).argmax(1) == target


@dataclass
class _Observed:
    """An attack that keeps what it made, and counts what it took."""

    attack: Attack
    of_the_model: bool  # else of another one, which costs no question
    made: list[Tensor] = field(default_factory=list)
    needed: list[Tensor] = field(default_factory=list)
    questions: int = 0
    gradients: int = 0
    seconds: float = 0.0

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        counted, started = _Counted(model), time.process_time()
        attacked = self._attacked(counted, images, labels)
        self.seconds += time.process_time() - started
        self.questions += counted.seen if self.of_the_model else 0
        self.gradients += counted.gradients
        self.made.append(attacked.cpu())
        return attacked

    def _attacked(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        if not isinstance(self.attack, QueryAttack):
            return self.attack(model, images, labels)
        attacked, needed = attacked_and_queries(self.attack, model, images, labels)
        self.needed.append(needed)
        return attacked


class _Counted(nn.Module):
    """Counts the images that a model is shown, and those whose gradient is taken."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.seen, self.gradients = model, 0, 0

    def forward(self, images: Tensor) -> Tensor:
        self.seen += len(images)
        found = self.model(images)
        if found.requires_grad:
            found.register_hook(self._count)
        return found

    def _count(self, gradient: Tensor) -> None:
        self.gradients += len(gradient)
