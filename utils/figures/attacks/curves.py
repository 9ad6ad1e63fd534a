"""What is left of a score, against the size of an attack, its queries, its parts."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from utils.evaluation.metrics import HEADLINE, score_of
from utils.evaluation.predictions import Predictions
from utils.figures.elements.charts import band
from utils.figures.elements.notebook_figure import house_style, panel
from utils.figures.elements.style import (
    ATTACKED,
    chance_line,
    name_lines,
    percent,
    variant_colours,
)


@house_style
def accuracy_by_epsilon(curves: Mapping[str, Mapping[float, Predictions]]) -> Figure:
    """Balanced accuracy against the size of the change, with 95 % intervals; epsilon 0 is clean.

    The first line is the widest, so that it can be seen below another that is equal to it.
    """
    figure, axis = panel(8.5, 3.8)
    widths = np.linspace(min(4, 1.5 * len(curves)), 1.5, len(curves))
    looks = zip(variant_colours(curves), widths, strict=True)
    for (name, by_size), (colour, width) in zip(curves.items(), looks, strict=True):
        sizes = np.array(sorted(by_size))
        rows = [score_of(by_size[size], HEADLINE) for size in sizes]
        band(axis, 255 * sizes, rows, colour, name, width)
    chance_line(axis, 1 / by_size[sizes[0]].classes, "constant answer")
    axis.set(xlabel="largest change of a pixel (grey levels of 255)", ylim=(0, 1.02))
    percent(axis.yaxis, HEADLINE)
    name_lines(axis)
    return figure


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
def smallest_changes(
    distances: Mapping[str, np.ndarray], attacked: Mapping[str, Mapping[float, Predictions]]
) -> Figure:
    """Images that no change of a size fools: lines from the smallest change of each image.

    Dots with 95 % intervals are what an attack of that size has left; none may lie below its line
    if the search for the smallest changes found what the attack found.
    """
    figure, axis = panel(8.5, 3.6)
    largest = max(max(by_size) for by_size in attacked.values())
    sizes = np.linspace(0, largest, 200)
    for (name, far), colour in zip(distances.items(), variant_colours(distances), strict=True):
        left = (np.asarray(far)[None] > sizes[:, None]).mean(1)
        axis.plot(255 * sizes, left, color=colour, label=name)
        dots = np.array([score_of(found) for found in attacked[name].values()], float)
        value, low, high = dots.T
        axis.errorbar(
            255 * np.array(list(attacked[name])), value, [value - low, high - value], fmt="o",
            color=colour, markersize=5, elinewidth=1,
        )  # fmt: skip
    axis.set(xlabel="largest change of a pixel (grey levels of 255)", ylim=(-0.02, 1.02))
    percent(axis.yaxis, "images still right")
    name_lines(axis)
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
