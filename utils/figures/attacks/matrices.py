"""Attacks in rows, models, classes or findings in columns, shares in colours."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from utils.evaluation.predictions import Predictions
from utils.figures.elements.charts import heat_map, slant_names
from utils.figures.elements.notebook_figure import house_style, panel, panels
from utils.figures.elements.style import (
    readable,
)


@house_style
def transfer(
    answers: Mapping[str, Mapping[str, Predictions]], clean: Mapping[str, Predictions]
) -> Figure:
    """Accuracy of each model (column) on images made to fool another (row), clean images first."""
    rows = {"(clean)": clean, **answers}
    table = [[100 * found[name].accuracy for name in clean] for found in rows.values()]
    figure, axis = panel(1.15 * len(clean) + 2.8, 0.55 * len(rows) + 1.5)
    heat_map(axis, table, rows, clean, cmap="Blues_r", label="accuracy (%)")
    axis.set(xlabel="model under attack", ylabel="attack made on")
    return figure


@house_style
def targets_reached(shares: Mapping[str, np.ndarray], class_names: Sequence[str]) -> Figure:
    """For each model, of the images of a class (row), the share pushed into another (column)."""
    count, names = len(class_names), [readable(name) for name in class_names]
    side = 0.75 * count + 0.6
    figure, axes = panels(1, len(shares), side * len(shares) + 2.4, side + 0.5)
    for axis, (name, found) in zip(axes[0], shares.items(), strict=True):
        away = np.where(np.eye(count, dtype=bool), np.nan, 100 * np.asarray(found, float))
        heat_map(axis, away, names if axis is axes[0, 0] else (), names, cmap="Oranges")
        axis.set_facecolor("0.93")  # the diagonal, where there is nothing to do
        axis.set_title(name, fontsize=10)
        axis.set_xlabel("target of the attacker")
        slant_names(axis)
    axes[0, 0].set_ylabel("true class")
    return figure


@house_style
def findings_wrong(shares: Mapping[str, np.ndarray], names: Sequence[str]) -> Figure:
    """For each aim of an attacker (row), the share of images where a finding (column) is wrong."""
    width, height = 0.85 * len(names) + 3.2, 0.42 * len(shares) + 1.3
    figure, axis = panel(width, height)
    table = 100 * np.stack([np.asarray(each, float) for each in shares.values()])
    heat_map(axis, table, shares, names, cmap="Oranges", label="% of images wrong")
    slant_names(axis)
    axis.set_ylabel("aim of the attacker")
    return figure
