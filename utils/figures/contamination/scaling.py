"""Images that change when they are shrunk: what a person sees, what a model sees, what it costs."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from scipy.ndimage import uniform_filter

from utils.evaluation.intervals import Interval
from utils.figures.elements.charts import forest, heat_map, name_rows
from utils.figures.elements.grid import grid_axes, hide_axes, image_grid
from utils.figures.elements.notebook_figure import house_style, panel, panels
from utils.figures.elements.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    CONTROL,
    DEFENDED,
    name_lines,
    percent,
    readable,
)

DETECTORS = ("#56B4E9", "#882255")  # neither clean images nor a defence
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


@house_style
def score_strips(
    scores: Mapping[str, Mapping[str, np.ndarray]],
    limits: Mapping[str, float],
    colours: Mapping[str, str],
) -> Figure:
    """The score of every image by kind (row), a panel per detector, with its limit as a line.

    At the right of each row stands the share of its images beyond the limit, which are flagged. A
    kind without a colour of its own is grey.
    """
    kinds = list(next(iter(scores.values())))
    size = (3.0 * len(scores) + 2.4, 0.3 * len(kinds) + 1.2)
    figure, [axes] = panels(1, len(scores), *size, sharey=True)
    random = np.random.default_rng(0)
    for axis, (name, by_kind) in zip(axes, scores.items(), strict=True):
        for place, (kind, values) in enumerate(by_kind.items()):
            colour, heights = colours.get(kind, CONTROL), random.uniform(-0.25, 0.25, len(values))
            dots = {"color": colour, "markersize": 4, "alpha": 0.5, "rasterized": True}
            axis.plot(values, place + heights, ".", **dots)
            flagged = f"{100 * np.mean(values > limits[name]):.0f} %"
            axis.annotate(
                flagged, (1, place), (4, 0), ("axes fraction", "data"), "offset points",
                va="center", fontsize=9, color=colour,
            )  # fmt: skip
        axis.axvline(limits[name], color="black", linewidth=1)
        axis.set(xscale="log", xlabel="score")
        decades = np.ptp(np.log10(np.concatenate([*by_kind.values()])))
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 3) if decades < 2 else (1,)))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda score, _: f"{score:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_title(name, fontsize=10)
    name_rows(axes[0], kinds)
    return figure


@house_style
def repairs(rows: Mapping[str, tuple[Interval, Interval]], label: str, constant: float) -> Figure:
    """For each repair the score on files that hide a picture, and on files that hide nothing.

    The first row is the pipeline as it is.
    """
    figure, axis = panel(8.5, 0.45 * len(rows) + 1.2)
    hiding, clean = zip(*rows.values(), strict=True)
    places = np.arange(len(rows))
    colours = [ATTACKED] + [DEFENDED] * (len(rows) - 1)
    forest(axis, clean, CLEAN, constant, places - 0.13)
    forest(axis, hiding, colours, places=places + 0.13)
    axis.set(xlim=(0, 1.03))
    percent(axis.xaxis, label)
    name_rows(axis, rows)
    named = ((CLEAN, "nothing hidden"), (ATTACKED, "a picture hidden"), (DEFENDED, "repaired"))
    for number, (colour, text) in enumerate(named):
        axis.text(0.34 * number, 1.02, f"● {text}", color=colour, transform=axis.transAxes)
    return figure


@house_style
def price_of_disguise(
    price: Mapping[str, float],
    shares: Mapping[str, Sequence[Interval]],
    ceiling: float,
    apart: Sequence[str] = (),
) -> Figure:
    """How often each attacker succeeds and is flagged, against what the file looks like.

    `price` is the PSNR of each attacker; to the right the change is easier to see. `ceiling` is
    the share that a pipeline without a repair obeys. Attackers of another family stand `apart`.
    """
    figure, axis = panel(9.5, 4)
    decibels, alone = np.array(list(price.values())), np.array([name in apart for name in price])
    for (name, found), colour in zip(shares.items(), (ATTACKED, *DETECTORS), strict=False):
        for chosen, mark, label in ((~alone, "o-", name), (alone, "D", None)):
            order = np.flatnonzero(chosen)[np.argsort(-decibels[chosen])]
            if len(order):
                values, low, high = np.array(found, float)[order].T
                axis.errorbar(
                    decibels[order], values, [values - low, high - values], fmt=mark, color=colour,
                    markersize=5, elinewidth=1, label=label, markerfacecolor=colour,
                )  # fmt: skip
    axis.axhline(ceiling, color=CHANCE, linestyle=":", label="obeyed without a repair")
    for name, place in price.items():
        axis.annotate(
            readable(name), (place, 1.03), xycoords=("data", "axes fraction"), rotation=35,
            ha="left", va="bottom", fontsize=9,
        )  # fmt: skip
    axis.invert_xaxis()
    axis.set(xlabel="PSNR to the image as it was (dB): plainer to the right", ylim=(-0.03, 1.03))
    percent(axis.yaxis, "share of the files")
    name_lines(axis)
    return figure


def _busiest(before, after, zoom: int) -> tuple[int, int]:
    """The upper left of the square in which most has changed."""
    change = np.abs(np.asarray(after, float) - np.asarray(before, float)).sum(0)
    middle = np.unravel_index(uniform_filter(change, zoom, mode="constant").argmax(), change.shape)
    corner = (
        min(max(0, m - zoom // 2), e - zoom) for m, e in zip(middle, change.shape, strict=True)
    )
    return tuple(int(place) for place in corner)
