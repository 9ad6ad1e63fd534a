"""What training makes small, and what decides which of its epochs is kept."""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.base import Attack
from utils.data.split import Split
from utils.evaluation.metrics import balanced_accuracy
from utils.evaluation.predict import predict
from utils.evaluation.predictions import Predictions

Loss = Callable[[nn.Module, Tensor, Tensor, int], Tensor]
# (model, validation, its clean answers) -> "score", and whatever else deserves a curve
EpochScore = Callable[[nn.Module, Split, Predictions], dict[str, float]]


@dataclass(frozen=True)
class CrossEntropy:
    """The plain loss; with class weights, rare classes count more."""

    class_weights: tuple[float, ...] | None = None

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        return self.of(model(images).float(), labels)

    def of(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of answers that were given already."""
        weights = self.class_weights and logits.new_tensor(self.class_weights)
        return F.cross_entropy(logits, labels, weights)

    def passes(self, epoch: int) -> int:
        """Forward and backward passes per training image."""
        return 2


def balancing_weights(split: Split) -> tuple[float, ...]:
    """Class weights with which every class counts the same, 1 on average over the images."""
    return tuple((len(split) / split.classes / split.counts.clamp_min(1)).tolist())


def passes_of(loss: Loss, epochs: int) -> int:
    """What so many epochs cost: forward and backward passes per training image."""
    return sum(loss.passes(epoch) for epoch in range(epochs))


def epochs_within(loss: Loss, budget: int) -> int:
    """As many whole epochs as so many passes per training image allow."""
    epochs = 0
    while passes_of(loss, epochs + 1) <= budget:
        epochs += 1
    return epochs


@dataclass(frozen=True)
class ValidationScore:
    """What decides the best epoch: balanced validation accuracy, under attack if one is given.

    The accuracy under `one_step` is noted beside it. Where that stays high while the score
    falls, training has learned to hide from short attacks: it has collapsed (Wong 2020).
    """

    attack: Attack | None = None
    one_step: Attack | None = None

    def __call__(self, model: nn.Module, validation: Split, clean: Predictions) -> dict:
        asked = {"score": clean if self.attack is None else predict(model, validation, self.attack)}
        if self.one_step is not None:
            asked["one_step"] = predict(model, validation, self.one_step)
        return {name: float(balanced_accuracy(said.confusion)) for name, said in asked.items()}


@dataclass(frozen=True)
class CleanScore(ValidationScore):
    """The same curves, but the clean accuracy decides: somebody looks, nobody defends."""

    def __call__(self, model: nn.Module, validation: Split, clean: Predictions) -> dict:
        found = super().__call__(model, validation, clean)
        decides = float(balanced_accuracy(clean.confusion))
        return {**found, "attacked": found["score"], "score": decides}
