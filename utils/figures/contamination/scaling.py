"""Hidden images: what a person sees, what the pipeline reads, which resizers are vulnerable."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import uniform_filter

from utils.figures.elements.charts import heat_map
from utils.figures.elements.grid import grid_axes, hide_axes, image_grid
from utils.figures.elements.notebook_figure import house_style, panel, panels
from utils.figures.elements.style import (
    ATTACKED,
    CLEAN,
    name_lines,
    readable,
)

INVISIBLE = 40  # decibels, above which few people see a difference


@house_style
def seen_and_predicted(
    files: Mapping[str, tuple], predicted: Sequence[str], largest: float = 1.9
) -> Figure:
    """Above, what a person sees of each file (large, small); below, what the model sees of it.

    The name of a file is the diagnosis that a person makes; a prediction of another one is orange.
    """
    large, small = zip(*files.values(), strict=True)
    titles, captions = [], []
    for name, answer in zip(files, predicted, strict=True):
        titles.append(f"you see: {readable(name)}")
        captions.append(f"the model predicts:\n{readable(answer)}")
    rows = ("the file", "behind the\npipeline")
    figure = image_grid([large, small], rows, titles, [[], captions], largest=largest)
    for axis, name, answer in zip(grid_axes(figure, 2)[1], files, predicted, strict=True):
        axis.xaxis.label.set_color(CLEAN if answer.split(",")[0] == name else ATTACKED)
    return figure


@house_style
def hidden_images(rows: Mapping[str, tuple], zoom: int = 32) -> Figure:
    """For each name a large image, the same with a small one hidden in it, a few of its pixels
    enlarged, and what a pipeline makes of it."""
    titles = ("before", "with the hidden image", "a part of it", "what the pipeline sees")
    lines, frames = [], []
    for before, after, seen in rows.values():
        top, left = _busiest(before, after, zoom)
        lines.append((before, after, after[:, top : top + zoom, left : left + zoom], seen))
        frames.append((left, top))
    figure = image_grid(lines, list(rows), titles, largest=2.7)
    for axes, corner in zip(grid_axes(figure, len(rows)), frames, strict=True):
        for axis in axes[:2]:  # "nearest" would do to the figure what the pipeline does
            axis.images[0].set_interpolation("hanning")
        axes[1].add_patch(
            Rectangle(corner, zoom, zoom, fill=False, edgecolor=ATTACKED, linewidth=1.5)
        )
    return figure


@house_style
def footprints(weights: Mapping[str, np.ndarray], columns: int = 6) -> Figure:
    """The weight of each large pixel in one small pixel, a panel for each resizer; negative
    weights are orange."""
    rows = -(-len(weights) // columns)
    figure, axes = panels(rows, columns, 1.75 * columns, 2.0 * rows)
    for axis in axes.flat[len(weights) :]:
        axis.set_axis_off()
    for (name, each), axis in zip(weights.items(), axes.flat, strict=False):
        top = np.abs(each).max()
        axis.imshow(each, cmap="PuOr", vmin=-top, vmax=top, interpolation="none")
        axis.set_title(name.replace(" ", "\n", 1), fontsize=9)
        hide_axes(axis)
        axis.spines[:].set_visible(True)
    return figure


@house_style
def vulnerability_map(psnr: pd.DataFrame, missed: pd.DataFrame) -> Figure:
    """PSNR between source and attack image (decibels) by resizer and ratio; a cross where the
    downscaled image could not be made what the attacker wants."""
    figure, axis = panel(1.0 * len(psnr.columns) + 4, 0.38 * len(psnr) + 1.2)
    names, label = (psnr.index, psnr.columns), "PSNR to the source (dB)"
    heat_map(axis, psnr.mask(missed), *names, (10, INVISIBLE), label, cmap="Oranges")
    for row, column in zip(*np.nonzero(missed.to_numpy()), strict=True):
        axis.text(column + 0.5, row + 0.5, "×", ha="center", va="center")
    axis.set(xlabel="ratio: large pixels to a small one, per line")
    return figure


@house_style
def likeness_by_quality(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Which image the small one resembles, by the quality of the JPEG: a panel per pipeline.

    The columns are named by what it is compared with: the hidden image, and the visible one.
    """
    figure, [axes] = panels(1, len(tables), 4.6 * len(tables) + 1, 3.4, sharex=True, sharey=True)
    for axis, (name, table) in zip(axes, tables.items(), strict=True):
        for column, colour in zip(table, (ATTACKED, CLEAN), strict=True):
            axis.plot(table.index, table[column], "o-", color=colour, markersize=4, label=column)
        axis.set(title=name, xlabel="quality of the JPEG", xlim=(103, 7))
        name_lines(axis)
    axes[0].set_ylabel("PSNR (dB)")
    return figure


def _busiest(before, after, zoom: int) -> tuple[int, int]:
    """The upper left of the square in which most has changed."""
    change = np.abs(np.asarray(after, float) - np.asarray(before, float)).sum(0)
    middle = np.unravel_index(uniform_filter(change, zoom, mode="constant").argmax(), change.shape)
    corner = (
        min(max(0, m - zoom // 2), e - zoom) for m, e in zip(middle, change.shape, strict=True)
    )
    return tuple(int(place) for place in corner)
