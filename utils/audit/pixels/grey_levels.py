"""Percentiles of whole numbers from how often each occurs: no pixel has to be sorted."""

from collections.abc import Sequence

import numpy as np


def percentiles(counts: np.ndarray, percents: Sequence[float]) -> list[float]:
    """The numbers at these percentiles, linear between two; `counts` are of 0, 1, 2 and so on."""
    ends = counts.cumsum()
    places = np.array(percents) * (ends[-1] - 1) / 100
    lower = np.floor(places)
    below, above = (ends.searchsorted(each, side="right") for each in (lower, np.ceil(places)))
    return (below + (above - below) * (places - lower)).tolist()
