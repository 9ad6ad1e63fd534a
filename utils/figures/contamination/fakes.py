"""Fakes and processed real images: what a detector flags."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from utils.evaluation.intervals import Interval
from utils.figures.elements.charts import forest, name_rows
from utils.figures.elements.notebook_figure import house_style, panels
from utils.figures.elements.style import ATTACKED, CHANCE, DEFENDED, percent

Pairs = Mapping[str, tuple[Interval, Interval]]
TITLES = ("fakes that are flagged", "real images that are flagged")
PREPARED = ("family known", "processing known")  # to the detector
UNPREPARED = ("family never met", "only untouched images known")


@house_style
def flagged_shares(fakes: Pairs, real: Pairs, limit: float) -> Figure:
    """Shares flagged by a detector that has met this kind of image, and by one that has not.

    `limit` is the share of real images that may be flagged.
    """
    figure, [axes] = panels(1, 2, 11.5, 0.55 * max(len(fakes), len(real)) + 1.6)
    for axis, rows, title, *names in zip(
        axes, (fakes, real), TITLES, PREPARED, UNPREPARED, strict=True
    ):
        for column, (colour, shift) in enumerate(((DEFENDED, -0.13), (ATTACKED, 0.13))):
            places = np.arange(len(rows)) + shift
            forest(axis, [pair[column] for pair in rows.values()], colour, places=places)
            place = {"transform": axis.transAxes, "ha": ("left", "right")[column], "va": "bottom"}
            axis.text(column, 1.02, names[column], color=colour, fontsize=10, **place)
        axis.axvline(limit, color=CHANCE, linestyle=":")
        name_rows(axis, rows)
        axis.set_xlim(-0.03, 1.03)
        percent(axis.xaxis, title)
    return figure
