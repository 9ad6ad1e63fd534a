"""A score beside the true one: as claimed, or under an attack that ignores the defence."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils.evaluation.intervals import Interval
from utils.figures.elements.charts import forest, name_rows
from utils.figures.elements.notebook_figure import house_style, panel
from utils.figures.elements.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    percent,
)


@house_style
def claimed_vs_true(
    claimed: Mapping[str, float], true: Mapping[str, Interval | pd.Series]
) -> Figure:
    """The claim of each exhibit, in percent, beside what is true with its interval."""
    rows = 100 * np.array([list(true[name]) for name in claimed], dtype=float)
    places, claims = np.arange(len(claimed)), [100 * share for share in claimed.values()]
    figure, axis = panel(9, 0.4 * len(claimed) + 1.1)
    axis.hlines(places, rows[:, 0], claims, color=CHANCE, lw=1)
    forest(axis, rows, CLEAN, label="true, with its interval")
    axis.plot(claims, places, "X", color=ATTACKED, markersize=9, label="claimed")
    name_rows(axis, claimed)
    axis.set(xlim=(0, 102), xlabel="percent")
    figure.legend(frameon=False, loc="outside upper right", ncols=2)
    return figure


@house_style
def seeming_and_real(rows: Mapping[str, Sequence[Interval]], label: str, constant: float) -> Figure:
    """Each defence clean, under an attack that ignores it, and under one that knows it.

    The bar between the last two is what the defence only seemed to be worth.
    """
    known = "attacked, knowing"
    marks = ((CLEAN, "o", "clean"), (ATTACKED, "D", "attacked"), (ATTACKED, "o", known))
    figure, axis = panel(8.5, 0.5 * len(rows) + 1.2)
    for place, (_, ignoring, knowing) in enumerate(rows.values()):
        axis.plot([ignoring.value, knowing.value], [place] * 2, color="#F3C6A5", lw=6, zorder=0)
    for column, (colour, marker, name) in enumerate(marks):
        scores = [found[column] for found in rows.values()]
        values, low, high = np.array(scores, float).T
        hollow = {"markerfacecolor": "white"} if marker == "D" else {}
        axis.errorbar(
            values, range(len(rows)), xerr=[values - low, high - values], fmt=marker, color=colour,
            label=name, markersize=6, linewidth=1.2, **hollow,
        )  # fmt: skip
    axis.axvline(constant, color=CHANCE, linestyle=":", label="constant answer")
    axis.set(xlim=(0, 1.02))
    percent(axis.xaxis, label)
    name_rows(axis, rows)
    figure.legend(frameon=False, loc="outside upper center", ncols=4, fontsize=9)
    return figure
