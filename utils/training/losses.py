"""What training makes small, and the score that chooses its best epoch."""

from dataclasses import dataclass
from typing import Protocol

import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.base import Attack
from utils.data.split import Split
from utils.evaluation.findings.scores import mean_auc
from utils.evaluation.inference import predict
from utils.evaluation.metrics import balanced_accuracy
from utils.evaluation.predictions import FindingPredictions, Predictions


class Loss(Protocol):
    """All that the training loop needs: one number for a batch, with gradients to the weights.

    It calls `model` itself in training mode, the images of the batch first: from this answer the
    loop counts the accuracy during training.
    """

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor: ...


class CountedLoss(Loss, Protocol):
    """A loss whose cost is known, so that trainings of equal cost can be compared."""

    def passes(self, epoch: int) -> int:
        """Forward and backward passes per training image."""


class LogitLoss(CountedLoss, Protocol):
    """A loss that needs logits and labels alone, so that another loss can contain it."""

    def of(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of logits that are there already."""


class EpochScore(Protocol):
    """Chooses the best epoch: "score", higher is better, and whatever else deserves a curve."""

    def __call__(
        self, model: nn.Module, validation: Split, clean: Predictions
    ) -> dict[str, float]: ...


@dataclass(frozen=True)
class CrossEntropy:
    """The plain loss; with class weights, rare classes count more.

    Label smoothing gives that share of every label to all classes alike, so that no logit grows
    without end (Szegedy 2016).
    """

    class_weights: tuple[float, ...] | None = None
    label_smoothing: float = 0.0

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        return self.of(model(images).float(), labels)

    def of(self, logits: Tensor, labels: Tensor) -> Tensor:
        if labels.dim() == 2:
            raise ValueError(
                f"{self!r} needs one label per image, got {labels.shape[1]} findings; "
                "train with loss=FindingsCrossEntropy()"
            )
        weights = self.class_weights and logits.new_tensor(self.class_weights)
        return F.cross_entropy(logits, labels, weights, label_smoothing=self.label_smoothing)

    def passes(self, epoch: int) -> int:
        return 2


@dataclass(frozen=True)
class ChangedImages:
    """Its own loss on images after a change, which is drawn anew each time they are shown."""

    change: Attack
    own: LogitLoss = CrossEntropy()

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        return self.own.of(model(self.change(model, images, labels)).float(), labels)

    def passes(self, epoch: int) -> int:
        return 2


def balancing_weights(split: Split, exponent: float = 1.0) -> tuple[float, ...]:
    """Class weights with which every class counts the same, 1 on average over the images.

    At an exponent of 0.5 a class counts as the root of its images: between both extremes, which
    spares the few images of a rare class from ruling every step.
    """
    weights = split.counts.clamp_min(1).double() ** -exponent
    mean = (weights * split.counts).sum() / len(split)
    return tuple((weights / mean).tolist())


def passes_of(loss: CountedLoss, epochs: int) -> int:
    """What that many epochs cost: forward and backward passes per training image."""
    return sum(loss.passes(epoch) for epoch in range(epochs))


def epochs_within(loss: CountedLoss, budget: int) -> int:
    """The most whole epochs that a budget of passes per training image allows."""
    epochs = 0
    while passes_of(loss, epochs + 1) <= budget:
        epochs += 1
    return epochs


@dataclass(frozen=True)
class ValidationScore:
    """Balanced validation accuracy, under attack if one is given; the mean AUC of several findings.

    The accuracy under `one_step` is recorded beside it. Where that stays high while the score
    falls, training has learned to hide from short attacks: it has collapsed (Wong 2020).
    """

    attack: Attack | None = None
    one_step: Attack | None = None

    def __call__(self, model: nn.Module, validation: Split, clean: Predictions) -> dict[str, float]:
        found = {"score": clean if self.attack is None else predict(model, validation, self.attack)}
        if self.one_step is not None:
            found["one_step"] = predict(model, validation, self.one_step)
        return {name: _headline(each) for name, each in found.items()}


@dataclass(frozen=True)
class CleanScore(ValidationScore):
    """The same curves, but clean accuracy chooses the epoch: robustness is only watched."""

    def __call__(self, model: nn.Module, validation: Split, clean: Predictions) -> dict[str, float]:
        found = super().__call__(model, validation, clean)
        return {**found, "attacked": found["score"], "score": _headline(clean)}


def _headline(found: Predictions) -> float:
    if isinstance(found, FindingPredictions):
        return mean_auc(found)
    return float(balanced_accuracy(found.confusion))
