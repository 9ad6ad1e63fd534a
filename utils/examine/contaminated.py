"""Two corruptions of a modality for one model: the one that hurts it most, and a mild one."""

from dataclasses import replace

import numpy as np
from torch import nn

from utils.contamination.corruptions.base import Corruption
from utils.contamination.corruptions.registry import corruptions
from utils.data.split import Split
from utils.evaluation.inference import predict
from utils.evaluation.predictions import Predictions

STRONG, MILD = 3, 1  # severities


def chosen_corruptions(
    model: nn.Module, images: Split, modality: str, seed: int = 0
) -> dict[str, Corruption]:
    """The family that takes most of the probability of the truth, at a strong severity, and the
    family in the middle, at a mild one; by what they are called."""
    kinds = corruptions(modality, STRONG, seed)
    sure = {name: mean_certainty(predict(model, each(images))) for name, each in kinds.items()}
    ranked = sorted(sure, key=sure.get)
    worst, middle = ranked[0], ranked[len(ranked) // 2]
    return {
        f"{worst}, severity {STRONG} (hurts most)": kinds[worst],
        f"{middle}, severity {MILD} (mild)": replace(kinds[middle], severity=MILD),
    }


def mean_certainty(found: Predictions) -> float:
    """The mean probability of what is true of an image; of several findings, of each."""
    if found.labels.ndim == 1:
        return float(found.of_truth.mean())
    return float(np.mean(np.where(found.labels == 1, found.probabilities, 1 - found.probabilities)))
