"""Members of an ensemble: do they err at once, and are they attacked in the same direction?"""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from utils.evaluation.intervals import Interval
from utils.figures.elements.charts import forest, name_rows
from utils.figures.elements.notebook_figure import house_style, panel
from utils.figures.elements.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    percent,
    readable,
)


@house_style
def wrong_at_once(shares: Mapping[str, np.ndarray]) -> Figure:
    """The share of the images on which so many members err, in groups of bars side by side."""
    figure, axis = panel(8.5, 3.2)
    places, width = np.arange(len(next(iter(shares.values())))), 0.8 / len(shares)
    for (name, heights), colour, number in zip(
        shares.items(), (CHANCE, CLEAN, ATTACKED), range(len(shares)), strict=True
    ):
        left = places + width * (number - (len(shares) - 1) / 2)
        axis.bar(left, heights, width, color=colour, label=readable(name))
    axis.set_xticks(places)
    axis.set(xlabel="members that err on the same image")
    percent(axis.yaxis, "share of the images")
    figure.legend(frameon=False, loc="outside upper center", ncols=len(shares))
    return figure


@house_style
def slope_cosines(pairs: Mapping[tuple[str, str], tuple[Interval, Interval]]) -> Figure:
    """The mean cosine of the gradients of each two members about one image; in grey about two."""
    figure, axis = panel(7.5, 0.4 * len(pairs) + 1.2)
    columns = zip(*pairs.values(), strict=True)
    marks = ((ATTACKED, "the same image"), (CHANCE, "two images (control)"))
    for rows, (colour, name) in zip(columns, marks, strict=True):
        forest(axis, list(rows), colour, label=name)
    axis.axvline(0, color=CHANCE, linestyle=":")
    name_rows(axis, [" · ".join(pair) for pair in pairs])
    axis.set(xlabel="cosine of the gradients")
    figure.legend(frameon=False, loc="outside upper center", ncols=2, fontsize=9)
    return figure
