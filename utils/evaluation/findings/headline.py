"""The score that stands for a model, whatever kind of labels its images have."""

from utils.evaluation.metrics import HEADLINE
from utils.evaluation.predictions import FindingPredictions, Predictions


def headline_of(predictions: Predictions) -> str:
    """The score that stands for a model; of several findings, the one without thresholds."""
    return "AUC" if isinstance(predictions, FindingPredictions) else HEADLINE


def chance_of(predictions: Predictions) -> float:
    """That score of a constant answer."""
    return 0.5 if isinstance(predictions, FindingPredictions) else 1 / predictions.classes
