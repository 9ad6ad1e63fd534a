"""Percentiles of whole numbers from how often each occurs: no pixel has to be sorted."""

import math

import numpy as np


def percentile(counts: np.ndarray, percent: float) -> float:
    """The number at this percentile, linear between two; `counts` are of 0, 1, 2 and so on."""
    place = percent / 100 * (counts.sum() - 1)
    pixels = [math.floor(place), math.ceil(place)]
    below, above = np.searchsorted(counts.cumsum(), pixels, side="right")
    return float(below + (above - below) * (place % 1))
