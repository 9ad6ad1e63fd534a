"""The contamination matrix, wrong labels, and triggers."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import HEADLINE
from utils.figures.elements.charts import forest, heat_map, name_rows
from utils.figures.elements.notebook_figure import house_style, panel, panels
from utils.figures.elements.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    CONTROL,
    DEFENDED,
    chance_line,
    name_lines,
    percent,
    readable,
)

PLACES = ("#56B4E9", "#882255", CONTROL)  # no attack and no defence


@house_style
def contamination_matrix(
    tables: Mapping[str, pd.DataFrame],
    chance: float,
    marked: Collection[str] = (),
    score: str = HEADLINE,
) -> Figure:
    """A score in percent by kind (row) and severity (column), one panel per model.

    Colours begin at `chance`, the score of a constant answer. Marked rows have green names.
    """
    rows, columns = max(len(table) for table in tables.values()), len(next(iter(tables.values())).T)
    width = 0.42 * columns * len(tables) + 2.6
    figure, axes = panels(1, len(tables), width, 0.33 * rows + 1.3)
    for (name, table), axis in zip(tables.items(), axes[0], strict=True):
        left, last = axis is axes[0, 0], axis is axes[0, -1]
        names = (table.index if left else (), table.columns)
        label = f"{score} (%)" if last else ""
        heat_map(axis, 100 * table, *names, (100 * chance, 100), label)
        axis.set(xlabel="severity", ylabel="")
        axis.set_title(readable(name), fontsize=10)
        for text in axis.get_yticklabels():
            if text.get_text() in map(readable, marked):
                text.set(color=DEFENDED, fontweight="bold")
    return figure


@house_style
def score_by_severity(
    curves: Mapping[str, Mapping[int, Interval]], score: str, chance: float
) -> Figure:
    """A score with its interval against severity, a line per condition; severity 0 is clean."""
    figure, axis = panel(7, 3.3)
    for shift, (name, line), colour in zip((-0.03, 0.03, 0), curves.items(), PLACES, strict=False):
        value, low, high = np.array([line[severity] for severity in sorted(line)]).T
        places = np.array(sorted(line)) + shift
        axis.plot(places, value, "o-", color=colour, label=name, markersize=4)
        axis.vlines(places, low, high, color=colour, linewidth=1.5)
    chance_line(axis, chance, "constant answer")
    axis.set(xlabel="severity (0: clean)", ylim=(0, 1.02))
    axis.set_xticks(sorted(next(iter(curves.values()))))
    percent(axis.yaxis, score)
    name_lines(axis)
    return figure


@house_style
def wrong_labels(
    scores: Mapping[str, Mapping[float, Sequence[float]]],
    excess: Mapping[str, Mapping[float, Sequence[float]]],
    score: str,
    chance: float,
) -> Figure:
    """Left, a score by the share of wrong training labels; right, confidence minus accuracy.

    Each value is one training, the line is their mean.
    """
    figure, axes = panels(1, 2, 11, 3.5)
    figure.get_layout_engine().set(w_pad=0.15)  # inches, for the names between the panels
    for axis, curves in zip(axes[0], (scores, excess), strict=True):
        for (name, by_rate), colour in zip(curves.items(), (CLEAN, ATTACKED), strict=False):
            rates = sorted(by_rate)
            means = [np.mean(by_rate[rate]) for rate in rates]
            axis.plot(rates, means, color=colour, label=name)
            for rate in rates:
                single = by_rate[rate]
                axis.plot([rate] * len(single), single, "o", color=colour, markersize=4, alpha=0.6)
        axis.margins(x=0.08)
        percent(axis.xaxis, "wrong training labels")
    chance_line(axes[0, 0], chance, "constant answer")
    axes[0, 0].set_ylim(0, 1.02)
    percent(axes[0, 0].yaxis, score)
    axes[0, 1].axhline(0, color=CHANCE, linewidth=0.8)
    percent(axes[0, 1].yaxis, "too sure by")
    axes[0, 1].set_ylabel("too sure by (points)")
    for axis in axes[0]:
        name_lines(axis)
    return figure


@house_style
def triggers(
    with_trigger: Mapping[str, Interval], without: Mapping[str, Interval], clean: Mapping
) -> Figure:
    """How often a poisoned model predicts the attacker's class, with the trigger and without it.

    A grey stroke is its accuracy on clean images.
    """
    figure, axis = panel(8, 0.62 * len(with_trigger) + 1.4)
    rows = range(len(with_trigger))
    for places, found, colour, label in (
        ([row - 0.12 for row in rows], with_trigger, ATTACKED, "with the trigger"),
        ([row + 0.12 for row in rows], without, CLEAN, "without it"),
    ):
        lengths = [interval.value for interval in found.values()]
        axis.barh(places, lengths, 0.22, color=colour, alpha=0.35)
        forest(axis, list(found.values()), colour, places=places, label=label)
    heights = [clean[name].value for name in with_trigger]
    axis.plot(heights, rows, "|", color="black", markersize=24, label="accuracy, clean images")
    name_rows(axis, with_trigger)
    axis.set_xlim(0, 1.02)
    percent(axis.xaxis, "images of other classes that get the attacker's class")
    axis.figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


@house_style
def shares_by_rate(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Shares in percent by trigger (row) and share of poisoned images (column), a panel each."""
    rows, columns = next(iter(tables.values())).shape
    figure, axes = panels(1, len(tables), 0.62 * columns * len(tables) + 2.4, 0.36 * rows + 1.3)
    for (name, table), axis in zip(tables.items(), axes[0], strict=True):
        names = table.index if axis is axes[0, 0] else ()
        last = "share (%)" if axis is axes[0, -1] else ""
        heat_map(axis, 100 * table, names, [f"{100 * rate:g}" for rate in table], label=last)
        axis.set(xlabel="poisoned training images (%)", ylabel="")
        axis.set_title(readable(name), fontsize=10)
    return figure
