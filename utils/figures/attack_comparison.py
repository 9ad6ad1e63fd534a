"""Many attackers beside each other: how strong, how many queries, how visible, what transfers."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import Predictions
from utils.figures.elements.charts import band, forest, heat_map, name_rows, slant_names
from utils.figures.elements.grid import grid_axes, image_grid, show_change
from utils.figures.elements.notebook_figure import house_style, panel, panels
from utils.figures.elements.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    chance_line,
    name_lines,
    percent,
    readable,
    variant_colours,
)


@house_style
def accuracy_by_queries(
    needed: Mapping[str, np.ndarray],
    budgets: Mapping[str, int],
    floors: Mapping[str, float] | None = None,
) -> Figure:
    """Share of the images still classified correctly after so many queries about each of them.

    `needed` holds, per image, the queries until it was misclassified: inf where it never was.
    `floors` are shares that attackers of another kind leave: dashed lines.
    """
    figure, axis = panel(8.5, 3.4)
    widths = np.linspace(3.5, 1.5, len(needed))  # curves that coincide all show
    lines = zip(needed.items(), variant_colours(needed), widths, strict=True)
    for (name, counts), colour, width in lines:
        queries = np.unique(counts[np.isfinite(counts)]).clip(1)
        queries = np.unique([1, *queries, budgets[name]])
        left = [(counts > number).mean() for number in queries]
        axis.step(queries, left, where="post", color=colour, linewidth=width, label=name)
        axis.plot(queries[-1], left[-1], "o", color=colour, markersize=5)
    for name, height in (floors or {}).items():
        axis.axhline(height, color=ATTACKED, linestyle="--", linewidth=1.2, label=name)
    axis.set(xscale="log", xlabel="queries about an image", ylim=(-0.02, 1.02))
    percent(axis.yaxis, "images still right")
    name_lines(axis)
    return figure


@house_style
def attack_gallery(
    image, attacked: Mapping[str, np.ndarray], predicted: Sequence[str], magnify: int
) -> Figure:
    """One image as several attackers leave it, and below what each has changed, magnified.

    The first of `attacked` is the image itself; orange names a prediction unlike the first.
    """
    shown = [255 * np.asarray(each) for each in attacked.values()]
    rows, names = [shown, [None] * len(shown)], [readable(name) for name in predicted]
    figure = image_grid(rows, ["", f"change × {magnify}"], list(attacked), [names])
    pictures, changes = grid_axes(figure, 2)
    for above, below, after, name in zip(pictures, changes, shown, names, strict=True):
        show_change(below, after - shown[0], 127 / magnify)
        above.xaxis.label.set_color(CLEAN if name == names[0] else ATTACKED)
    return figure


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


@house_style
def patch_gallery(
    squares: Sequence, images: Mapping[str, Sequence], predicted: Mapping[str, Sequence[str]]
) -> Figure:
    """Patients in columns, a row for each square that is stuck on them; the square stands first.

    The first row has no square: its `squares` entry is None. Orange is a prediction unlike the
    one above it in the first row.
    """
    rows = [[square, *shown] for square, shown in zip(squares, images.values(), strict=True)]
    rows = [[None if each is None else 255 * np.asarray(each) for each in row] for row in rows]
    names = [["", *map(readable, each)] for each in predicted.values()]
    figure = image_grid(rows, list(images), ["the square"], names)
    for row, captions in zip(grid_axes(figure, len(rows)), names, strict=True):
        for axis, name, usual in zip(row, captions, names[0], strict=True):
            axis.xaxis.label.set_color(CLEAN if name == usual else ATTACKED)
    return figure


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
        band(axis, [sizes.index(size) for size in curve], rows, colour, name)
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
