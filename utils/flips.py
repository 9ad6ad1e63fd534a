"""Does a diagnosis turn into its opposite when the image is tampered with?"""

import numpy as np
import pandas as pd

from utils.metrics import gains, score_of
from utils.predictions import Predictions

ILL_OR_NOT = ("healthy", "ill")


def turned(*asked: tuple[Predictions, Predictions], healthy: int) -> Predictions:
    """Of the images that each model rightly called healthy or ill before: is it called the opposite
    by all of them now? The label is the lie, so that the accuracy is the share of those turned.
    """
    ill = asked[0][0].labels != healthy
    right = np.all([_called_ill(before, healthy) == ill for before, _ in asked], 0)
    lied = np.all([_called_ill(after, healthy) != ill for _, after in asked], 0)
    return _of_lies(asked[0][0], ill, lied).take(right)


def flipped(*asked: tuple[Predictions, Predictions], healthy: int) -> pd.Series:
    """The share that is turned (value, low, high) and of how many images."""
    lies = turned(*asked, healthy=healthy)
    if not len(lies.labels):
        return pd.Series({"value": np.nan, "low": np.nan, "high": np.nan, "images": 0})
    return pd.concat([score_of(lies), pd.Series({"images": len(lies.labels)})])


def beyond(control: Predictions, tampered: Predictions) -> pd.Series:
    """By how much more are turned than in a control, with a paired interval."""
    return gains(control, tampered).loc["accuracy"]


def _called_ill(said: Predictions, healthy: int) -> np.ndarray:
    return said.probabilities.argmax(1) != healthy


def _of_lies(said: Predictions, ill: np.ndarray, lied: np.ndarray) -> Predictions:
    lie = (~ill).astype(int)
    answer = np.where(lied, lie, 1 - lie)
    return Predictions(lie, np.eye(2)[answer], said.groups, ILL_OR_NOT)
