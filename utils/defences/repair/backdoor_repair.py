"""Repair of a model with a backdoor, from images without a trigger; the model given stays as it is.

    fine_tune(model, clean, config, folder)         # it forgets, more or less
    fine_prune(model, clean, config, folder)        # without features that clean images hardly use
    unlearn(model, clean, trigger, config, folder)  # a trigger found by inversion, or known
    repair_table({"as it was": model, ...}, test, poison)

`clean` are Splits: the model learns from the training images, and the validation images choose.
`config` and `folder` are those of `train_or_load`. The learning rate should be well above that of
the first training: a gentle one keeps the backdoor as it keeps everything else.
"""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from utils.backbones.classifier import Classifier
from utils.contamination.backdoor import Cover, Poison, Trigger
from utils.data.split import Split, Splits
from utils.evaluation.inference import features_and_logits, predict
from utils.evaluation.intervals import interval_table
from utils.evaluation.metrics import balanced_accuracy, score_of
from utils.evaluation.predictions import Predictions
from utils.run import device_of
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load


def fine_tune(model: nn.Module, clean: Splits, config: TrainConfig, folder: Path) -> nn.Module:
    """A copy that has learned on, from clean images alone."""
    repaired = deepcopy(model)
    train_or_load(repaired, clean, config, folder)
    return repaired


def fine_prune(
    model: Classifier, clean: Splits, config: TrainConfig, folder: Path, tolerance: float = 0.04
) -> Classifier:
    """A copy without the features least active on clean images, then fine-tuned (Liu 2018).

    As many go as validation allows: balanced accuracy may fall by `tolerance`.
    """
    repaired = deepcopy(model)
    pruning = _Pruned(kept_features(model, clean, tolerance).to(device_of(model)))
    parametrize.register_parametrization(repaired.head, "weight", pruning)
    train_or_load(repaired, clean, config, folder)
    parametrize.remove_parametrizations(repaired.head, "weight")
    return repaired


def unlearn(
    model: nn.Module,
    clean: Splits,
    trigger: Trigger,
    config: TrainConfig,
    folder: Path,
    rate: float = 0.2,
) -> nn.Module:
    """A copy fine-tuned on images of which this share has the trigger and the right label.

    The validation images have it, too, so that the best epoch is one that has unlearned it.
    """
    cover = Cover((trigger,), rate=rate, seed=config.seed)
    covered = Splits(cover(clean.train), cover(clean.validation), clean.test)
    return fine_tune(model, covered, config, folder)


def kept_features(model: Classifier, clean: Splits, tolerance: float) -> Tensor:
    """For each input of the head 1 or 0: whether clean images need it."""
    if not isinstance(getattr(model, "head", None), nn.Linear):
        raise TypeError(f"needs a Classifier with a linear head, got {type(model).__name__}")
    activity = features_and_logits(model, clean.train)[0].abs().mean(0)
    inputs, logits = features_and_logits(model, clean.validation)
    head, kept = deepcopy(model.head).cpu(), torch.ones_like(activity)
    least = _balanced_accuracy(logits, clean.validation) - tolerance
    for place in activity.argsort():
        fewer = kept.index_fill(0, place, 0)
        with torch.no_grad():
            if _balanced_accuracy(head(fewer * inputs), clean.validation) < least:
                break
        kept = fewer
    return kept


def repair_table(models: Mapping[str, nn.Module], test: Split, poison: Poison) -> pd.DataFrame:
    """What each repair leaves of the backdoor, and what it costs; a row for each model and score.

    Give a model that was never poisoned, too: where a trigger misleads it, no repair can help.
    Missed disease takes the first class for the healthy one.
    """
    found = {name: repair_scores(model, test, poison) for name, model in models.items()}
    return pd.concat(found, names=["model", "score"])


def repair_scores(model: nn.Module, test: Split, poison: Poison) -> pd.DataFrame:
    """Attack success rate with and without the trigger, balanced accuracy and missed disease."""
    clean = predict(model, test)
    rows = {
        "attack success rate": score_of(predict(model, poison.with_trigger(test))),
        "without the trigger": score_of(predict(model, poison.without_trigger(test))),
        "balanced accuracy": score_of(clean, "balanced accuracy"),
        "missed disease": score_of(clean, "missed disease"),
    }
    return interval_table(rows)


class _Pruned(nn.Module):
    """Weights of features that were pruned stay 0 while the others learn."""

    def __init__(self, kept: Tensor):
        super().__init__()
        self.register_buffer("kept", kept)

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.kept


def _balanced_accuracy(logits: Tensor, split: Split) -> float:
    found = (split.labels.numpy(), logits.softmax(1).numpy(), split.patients, split.class_names)
    return float(balanced_accuracy(Predictions(*found).confusion))
