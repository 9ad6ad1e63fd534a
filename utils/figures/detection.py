"""Which kinds of contamination are detected, and what the most suspicious images look like."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from utils.evaluation.intervals import Interval
from utils.figures.elements.charts import name_rows
from utils.figures.elements.grid import image_grid
from utils.figures.elements.notebook_figure import house_style, panels
from utils.figures.elements.style import (
    CHANCE,
    CONTROL,
    percent,
)


def contact_sheet(images: Sequence, captions: Sequence[str], columns: int = 6) -> Figure:
    """Images in the order given, each over its caption."""
    starts = range(0, max(1, len(images)), columns)
    rows = [images[start : start + columns] for start in starts]
    below = [captions[start : start + columns] for start in starts]
    return image_grid(rows, (), [""] * columns, below)


@house_style
def score_panels(
    panels_of: Mapping[str, Mapping[str, Interval]],
    colours: Mapping[str, str] | None = None,
    chance: Mapping[str, float] | None = None,
) -> Figure:
    """A bar with its interval and its number for each row, in a panel per score.

    `colours` are those of rows; `chance` is a dotted line in a panel.
    """
    rows = list(next(iter(panels_of.values())))
    size = 2.9 * len(panels_of) + 1.6, 0.36 * len(rows) + 1.0
    figure, [axes] = panels(1, len(panels_of), *size, sharey=True)
    shades = [(colours or {}).get(row, CONTROL) for row in rows]
    for axis, (name, found) in zip(axes, panels_of.items(), strict=True):
        values, low, high = np.array([found[row] for row in rows], float).T
        axis.barh(range(len(rows)), values, 0.62, color=shades)
        axis.hlines(range(len(rows)), low, high, color="black", linewidth=1.1)
        for place, (value, end) in enumerate(zip(values, high, strict=True)):
            text, offset = f"{100 * value:.0f}", (4, 0)
            axis.annotate(
                text, (end, place), offset, textcoords="offset points", va="center", fontsize=9
            )
        if name in (chance or {}):
            axis.axvline(chance[name], color=CHANCE, linestyle=":")
        axis.set(xlim=(0, 1.12), xticks=(0, 0.5, 1))
        percent(axis.xaxis, name)
    name_rows(axes[0], rows)
    return figure
