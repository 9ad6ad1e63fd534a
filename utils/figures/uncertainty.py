"""How sure are we, and how sure is a model? Intervals, calibration, refusal, sets of classes."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utils.evaluation.intervals import Interval
from utils.figures.elements.charts import forest, name_rows
from utils.figures.elements.grid import grid_axes, image_grid
from utils.figures.elements.notebook_figure import house_style, panel, panels
from utils.figures.elements.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    DEFENDED,
    OTHERS,
    chance_line,
    name_lines,
    percent,
    readable,
)

CONDITIONS = {  # by the first word of a name
    "clean": CLEAN,
    "attacked": ATTACKED,
    "PGD": ATTACKED,
    "recalibrated": DEFENDED,
}
SHOWN = 0.03  # of the images: the risk among fewer jumps too much to be read


@house_style
def interval_rows(
    rows: Mapping[str, Interval],
    label: str,
    constant: float,
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """A dot with its interval for each model, the number beside it, and the constant answer.

    Rows without a colour of their own are blue.
    """
    colours = [(colours or {}).get(name, CLEAN) for name in rows]
    figure, axis = panel(7.5, 0.45 * len(rows) + 1.1)
    forest(axis, list(rows.values()), colours, constant)
    for place, (row, colour) in enumerate(zip(rows.values(), colours, strict=True)):
        axis.annotate(
            f"{100 * row.value:.0f} %", (row.high, place), (8, 0), textcoords="offset points",
            va="center", color=colour,
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
def reliability_diagram(
    tables: Mapping[str, pd.DataFrame], errors: Mapping[str, Interval]
) -> Figure:
    """Accuracy against confidence, a panel per condition, with the calibration error of each.

    Each dot is a bin of equally many images with its interval. On the dotted line the model is as
    often right as it says; below the line it is overconfident.
    """
    figure, [axes] = panels(1, len(tables), 3.1 * len(tables) + 0.6, 3.6, sharex=True, sharey=True)
    for axis, (name, table), colour in zip(axes, tables.items(), _colours(tables), strict=True):
        axis.plot([0, 1], [0, 1], color=CHANCE, linestyle=":")
        spread = [table["value"] - table["low"], table["high"] - table["value"]]
        axis.errorbar(
            table["confidence"], table["value"], spread, fmt="o", color=colour, markersize=5,
            elinewidth=1.2,
        )  # fmt: skip
        axis.set_title(f"{readable(name)}\nerror {errors[name]} points", fontsize=10)
        percent(axis.xaxis, "confidence")
    lowest = min(table["confidence"].min() for table in tables.values())
    axes[0].set(xlim=(lowest - 0.05, 1.03), ylim=(-0.03, 1.03))
    percent(axes[0].yaxis, "accuracy")
    return figure


@house_style
def risk_coverage_curves(curves: Mapping[str, pd.DataFrame], coverage: float) -> Figure:
    """The share of errors among the most confident images, for every share that is kept.

    Below the first curve stands an oracle that refuses the wrong images first. A dot marks
    `coverage`. A curve that falls to the right belongs to a model most confident where it is wrong.
    """
    figure, axis = panel(8.5, 3.8)
    for (name, curve), colour in zip(curves.items(), _colours(curves), strict=True):
        shown = curve[curve["coverage"] >= SHOWN]
        axis.plot(shown["coverage"], shown["risk"], color=colour, label=name)
        dot = curve[curve["coverage"] >= coverage - 1e-9].iloc[0]
        axis.plot(dot["coverage"], dot["risk"], "o", color=colour)
    first = next(iter(curves.values()))
    right = 1 - first["risk"].iloc[-1]
    oracle = np.maximum(0, 1 - right / first["coverage"])
    axis.plot(first["coverage"], oracle, color=CHANCE, linestyle=":", label="oracle")
    axis.axvline(coverage, color=CHANCE, linewidth=0.8)
    axis.set(xlim=(0, 1), ylim=(-0.02, 1.02))
    percent(axis.xaxis, "images that the model keeps, most confident first")
    percent(axis.yaxis, "errors among them")
    name_lines(axis)
    return figure


@house_style
def coverage_by_severity(
    coverage: Mapping[str, Sequence[Interval]],
    sizes: Mapping[str, Sequence[Interval]],
    promised: float,
    classes: int,
    severity: str = "severity",
) -> Figure:
    """How often sets contain the true class, and how many of all classes they contain.

    A line for each kind of contamination. The first of its row is severity 0, the clean images.
    """
    figure, [(left, right)] = panels(1, 2, 11.5, 3.9)
    figure.get_layout_engine().set(w_pad=0.15)  # inches, for the names between the panels
    _by_severity(left, coverage)
    chance_line(left, promised, "promised")
    left.set_ylim(0, 1.02)
    percent(left.yaxis, "sets that contain the true class")
    _by_severity(right, sizes)
    right.set(ylabel=f"classes in a set, of {classes}", ylim=(0, 1.02 * classes))
    right.set_yticks(range(classes + 1))
    for axis in (left, right):
        axis.set_xlabel(f"{severity} (0: clean)")
        name_lines(axis)
    return figure


@house_style
def set_gallery(
    images: Mapping[str, Sequence],
    members: Mapping[str, np.ndarray],
    labels: Sequence[int],
    class_names: Sequence[str],
) -> Figure:
    """The same patients under several conditions, each image with the classes in its set.

    Orange marks a set that misses the true class, which stands above the column.
    """
    names = np.array([readable(name) for name in class_names])
    captions = [["\n".join(names[row]) or "(empty)" for row in rows] for rows in members.values()]
    titles = [f"true:\n{name}" for name in names[np.asarray(labels)]]
    figure = image_grid(list(images.values()), list(images), titles, captions)
    for line, rows in zip(grid_axes(figure, len(images)), members.values(), strict=True):
        for axis, row, label in zip(line, rows, labels, strict=True):
            axis.xaxis.label.set_color(CLEAN if row[label] else ATTACKED)
    return figure


def _by_severity(axis: Axes, rows: Mapping[str, Sequence[Interval]]) -> None:
    """A line per kind, each a little beside the severity, so that no bar hides another."""
    shifts = np.linspace(-0.1, 0.1, len(rows))
    marks = zip(rows.items(), _colours(rows), shifts, cycle("osD^vP*X"), strict=False)
    for (name, found), colour, shift, mark in marks:
        value, low, high = np.array(found, float).T
        axis.errorbar(
            np.arange(len(found)) + shift, value, [value - low, high - value], label=readable(name),
            fmt=f"{mark}-", color=colour, markersize=5, elinewidth=0.9,
        )  # fmt: skip
    axis.set_xticks(range(len(found)))


def _colours(names: Mapping[str, object]) -> list[str]:
    """Clean blue, attacked orange, each contamination a colour of its own."""
    others = cycle(colour for colour in OTHERS[::-1] if colour != ATTACKED)
    return [CONDITIONS.get(name.split()[0]) or next(others) for name in names]
