"""Contaminated data found and repaired: shares and prices."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils.evaluation.intervals import Interval
from utils.figures.elements.charts import forest, heat_map, name_rows
from utils.figures.elements.notebook_figure import house_style, panel, panels
from utils.figures.elements.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    DEFENDED,
    percent,
    readable,
    variant_colours,
)

ROW = 0.42  # inches
SIDES = (ATTACKED, DEFENDED, CLEAN)


@house_style
def estimated_shares(rows: Mapping[str, Sequence[float]], truth: Mapping[str, float]) -> Figure:
    """An estimated share with its interval for each row, and a diamond at the true one."""
    figure, axis = panel(8, ROW * len(rows) + 1.1)
    forest(axis, list(rows.values()), CLEAN)
    places = range(len(rows))
    axis.plot([truth[name] for name in rows], places, "D", color=ATTACKED, markersize=6, zorder=0)
    first = next(iter(rows))
    for name, x, colour, side in (
        ("estimate", rows[first][0], CLEAN, 10),
        ("truth", truth[first], ATTACKED, -18),
    ):
        axis.annotate(
            name, (x, 0), (0, side), textcoords="offset points", ha="center", color=colour, size=9
        )
    axis.axvline(0, color=CHANCE, linewidth=0.8)
    percent(axis.xaxis, "share of the images")
    name_rows(axis, rows)
    axis.set_ylim(len(rows) - 0.5, -0.8)
    return figure


@house_style
def price_of_hiding(curves: Mapping[str, pd.DataFrame], rate: float) -> Figure:
    """How often each attacker is flagged against how often they succeed.

    A curve has a row for each strength, with the columns "success" and "flagged", both shares, and
    the strength as its index. A dotted line is the share of clean images that may be flagged.
    """
    figure, axis = panel(8.5, 4)
    for place, (name, curve) in enumerate(curves.items()):
        colour = variant_colours(curves)[place]
        axis.plot(curve["success"], curve["flagged"], "o-", color=colour, label=name)
        for number, (strength, row) in enumerate(curve.iterrows()):
            right = number % 2 == 0  # two strengths at one place are named on either side of it
            axis.annotate(
                strength, (row["success"], row["flagged"]), (7 if right else -7, 4 - 11 * place),
                textcoords="offset points", color=colour, size=9, ha="left" if right else "right",
            )  # fmt: skip
    axis.legend(loc="upper left", frameon=False)
    axis.axhline(rate, color=CHANCE, linestyle=":")
    axis.annotate(
        f"false alarms allowed: {100 * rate:g} %", (0, rate), (6, 4), ("axes fraction", "data"),
        "offset points", color=CHANCE, size=9,
    )  # fmt: skip
    least = min(curve["success"].min() for curve in curves.values())
    axis.set(xlim=(least - 0.05, 1.08), ylim=(-0.12, 1.15))
    percent(axis.xaxis, "attacks that succeed")
    percent(axis.yaxis, "attacks that are flagged")
    return figure


@house_style
def before_and_after(
    panels_of: Mapping[str, Mapping[str, Sequence[Interval]]],
    sides: Sequence[str] = ("before", "after"),
    limits: Sequence[float] = (),
) -> Figure:
    """Shares with their intervals for each row: before (orange), after (green), and otherwise.

    A panel for each question, all with the same rows. `limits` are the right ends of the panels.
    """
    count = max(len(rows) for rows in panels_of.values())
    size = (3.6 * len(panels_of) + 2, (0.2 + 0.13 * len(sides)) * count + 1.4)
    figure, [axes] = panels(1, len(panels_of), *size, sharey=True)
    shifts = 0.26 * (np.arange(len(sides)) - (len(sides) - 1) / 2)
    for place, (axis, (name, rows)) in enumerate(zip(axes, panels_of.items(), strict=True)):
        for side, (label, shift) in enumerate(zip(sides, shifts, strict=True)):
            found = [each[side] for each in rows.values()]
            places = np.arange(len(rows)) + shift
            forest(axis, found, SIDES[side], places=places, label=None if place else label)
        axis.set(title=readable(name), xlim=(-0.02, (limits[place] if limits else 1) * 1.03))
        percent(axis.xaxis, "share")
    name_rows(axes[0], next(iter(panels_of.values())))
    figure.legend(loc="outside lower center", ncols=len(sides), frameon=False)
    return figure


@house_style
def detector_matrix(scores: pd.DataFrame) -> Figure:
    """AUROC in percent by detector (row) and kind of contamination (column); a coin is white."""
    figure, axis = panel(1.25 * len(scores.columns) + 3.4, ROW * len(scores) + 1)
    heat_map(axis, 100 * scores, scores.index, scores.columns, (0, 100), "AUROC (%)", cmap="PuOr_r")
    return figure
