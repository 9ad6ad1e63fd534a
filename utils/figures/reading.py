"""What readers see of attacked pairs, how often they are right, and whether they agree."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils.evaluation.intervals import Interval
from utils.figures.elements.charts import forest, heat_map, name_rows, slant_names
from utils.figures.elements.grid import image_grid
from utils.figures.elements.notebook_figure import house_style, panel, panels
from utils.figures.elements.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    CONTROL,
    name_lines,
    percent,
    variant_colours,
)

KINDS = {"clean": CLEAN, "attacked": ATTACKED}


def pairs(images: np.ndarray) -> Figure:
    """A and B of each pair: uint8 (pairs, 2, channels, height, width), as on the page."""
    names = [f"pair {number}" for number in range(1, len(images) + 1)]
    return image_grid(list(images), names, ("A", "B"), largest=3.2)


@house_style
def readers(
    found: pd.DataFrame, accuracies: Mapping[str, Mapping[str, Interval]], constant: float
) -> Figure:
    """Left, how often each reader finds the change; right, diagnoses of clean and attacked images.

    `found` has a row (value, low, high) per reader, `accuracies` intervals by reader and kind.
    """
    figure, [axes] = panels(1, 2, 11, 0.5 * len(accuracies) + 1.6, sharey=True)
    rows = found[list(Interval._fields)].to_numpy(float)
    forest(axes[0], rows, CONTROL, 0.5)
    axes[0].text(0.5, -0.55, "coin", ha="center", va="bottom", fontsize=9, color=CHANCE)
    for (images, colour), shift in zip(KINDS.items(), (-0.13, 0.13), strict=True):
        places = np.arange(len(accuracies)) + shift
        intervals = [kinds[images] for kinds in accuracies.values()]
        forest(axes[1], intervals, colour, places=places)
        axes[1].text(1.03, places[0], images, color=colour, va="center", fontsize=10)
    axes[1].axvline(constant, color=CHANCE, linestyle=":")
    axes[1].text(constant, -0.55, "commonest class", ha="center", va="bottom", fontsize=9)
    for axis, label in zip(axes, ("changed image found", "diagnosis right"), strict=True):
        axis.set_xlim(-0.03, 1.03)
        percent(axis.xaxis, label)
    name_rows(axes[0], accuracies)
    return figure


@house_style
def agreement(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Kappa of every two of readers, model and truth: a matrix for each kind of image."""
    figure, [axes] = panels(1, len(tables), 5.2 * len(tables) + 0.6, 4.2)
    for axis, (name, table) in zip(axes, tables.items(), strict=True):
        values = table.to_numpy(float)
        texts = np.where(np.isnan(values), "", np.char.mod("%.2f", values))
        last = axis is axes[-1]
        label = "kappa: 0 is chance, 1 always agrees" if last else ""
        names = list(table.columns)
        heat_map(axis, table, names, names, (-1, 1), label, texts, cmap="RdBu")
        axis.set_title(f"{name} images", fontsize=11)
        slant_names(axis)
    return figure


@house_style
def power_by_pairs(pairs: Sequence[int], curves: Mapping[str, np.ndarray], here: int) -> Figure:
    """The share of kits that distinguish a reader from a coin, by the number of pairs."""
    figure, axis = panel(8.5, 3.4)
    for (name, curve), colour in zip(curves.items(), variant_colours(curves), strict=True):
        axis.plot(pairs, curve, color=colour, label=name)
    axis.axvline(here, color=CHANCE, linestyle=":")
    axis.annotate("this kit", (here, 1), (3, 2), "data", "offset points", color=CHANCE, fontsize=9)
    axis.set(xlabel="pairs in the kit", ylim=(0, 1.02))
    percent(axis.yaxis, "kits in which it shows")
    name_lines(axis)
    return figure
