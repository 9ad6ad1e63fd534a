"""Noise, wrong labels and poison: images, scores, and how generators learn."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils.figures.elements.charts import band
from utils.figures.elements.grid import image_grid
from utils.figures.elements.notebook_figure import house_style, panel
from utils.figures.elements.style import (
    chance_line,
    name_lines,
    percent,
    variant_colours,
)


def gallery(rows: Mapping[str, Sequence], titles: Sequence[str]) -> Figure:
    """Images in named rows under titled columns."""
    return image_grid(list(rows.values()), list(rows), titles)


@house_style
def accuracy_by_rate(
    curves: Mapping[str, Mapping[float, pd.Series]],
    xlabel: str,
    chance: float,
    score: str = "accuracy",
) -> Figure:
    """A score (value, low, high) against the share of contaminated training images."""
    figure, axis = panel(9, 3.6)
    for (name, by_rate), colour in zip(curves.items(), variant_colours(curves), strict=True):
        rates = np.array(sorted(by_rate))
        band(axis, 100 * rates, [by_rate[rate] for rate in rates], colour, name)
    chance_line(axis, chance, "majority class")
    axis.set(xlabel=xlabel, ylim=(0, 1.02))
    percent(axis.yaxis, score)
    name_lines(axis)
    return figure
