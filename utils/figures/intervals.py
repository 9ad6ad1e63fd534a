"""Scores with their intervals: models side by side, sizes of the test set, sizes of a change."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import Predictions
from utils.figures.charts import forest, name_rows
from utils.figures.notebook_figure import house_style, panel
from utils.figures.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    chance_line,
    name_lines,
    percent,
    variant_colours,
)


@house_style
def interval_rows(rows: Mapping[str, Interval], label: str, constant: float) -> Figure:
    """A dot with its interval for each model, the number beside it, and the constant answer."""
    figure, axis = panel(7.5, 0.45 * len(rows) + 1.1)
    forest(axis, list(rows.values()), CLEAN, constant)
    for place, row in enumerate(rows.values()):
        axis.annotate(
            f"{100 * row.value:.0f} %", (row.high, place), (8, 0), textcoords="offset points",
            va="center", color=CLEAN,
        )  # fmt: skip
    axis.text(constant, -0.6, "constant answer", ha="center", va="bottom", fontsize=9)
    axis.set(xlim=(0, 1.05))
    percent(axis.xaxis, label)
    name_rows(axis, rows)
    return figure


@house_style
def interval_by_count(by_count: Mapping[int, Interval], label: str, counted: str) -> Figure:
    """The score and its interval on test sets of several sizes, with 1/sqrt(n) around the last."""
    counts = np.array(list(by_count))
    values, low, high = np.array(list(by_count.values())).T
    figure, axis = panel(7.5, 3)
    last, half = values[-1], (high[-1] - low[-1]) / 2
    smooth = np.geomspace(counts[0], counts[-1], 50)
    width = half * np.sqrt(counts[-1] / smooth)
    axis.fill_between(smooth, last - width, last + width, color=CLEAN, alpha=0.12, linewidth=0)
    axis.errorbar(counts, values, [values - low, high - values], fmt="o", color=CLEAN)
    axis.set_xscale("log", base=2)
    axis.set_xticks(counts, [f"{count:,}" for count in counts])
    axis.set_xlabel(counted)
    percent(axis.yaxis, label)
    return figure


@house_style
def scores_by_count(
    curves: Mapping[str, Mapping[object, Predictions]],
    counted: str,
    metric: str = "balanced accuracy",
    colours: Sequence[str] = (),
) -> Figure:
    """A score after changes of several sizes, a line for each kind of change, with 95 % intervals.

    All sizes stand equally far apart, in the order in which they are met.
    """
    figure, axis = panel(8.5, 3.6)
    sizes = list(dict.fromkeys(size for curve in curves.values() for size in curve))
    colours = colours or variant_colours(curves)
    for (name, curve), colour in zip(curves.items(), colours, strict=True):
        rows = [score_of(found, metric) for found in curve.values()]
        places, (value, low, high) = [sizes.index(size) for size in curve], np.array(rows, float).T
        axis.plot(places, value, "o-", color=colour, label=name, markersize=4)
        axis.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
    classes = len(next(iter(curve.values())).class_names)
    chance_line(axis, 1 / classes, "constant answer")
    axis.set_xticks(range(len(sizes)), [str(size) for size in sizes])
    axis.set(xlabel=counted, ylim=(0, None))
    percent(axis.yaxis, metric)
    name_lines(axis)
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
