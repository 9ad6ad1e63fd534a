"""Confusion matrices: what is taken for what."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utils.evaluation.conditions import Condition
from utils.evaluation.predictions import Predictions
from utils.figures.elements.charts import heat_map, nothing, slant_names
from utils.figures.elements.notebook_figure import house_style, panels
from utils.figures.elements.style import readable

FEWEST_IMAGES = 10  # images, below which a share says little
ACROSS = 4  # matrices in a row


@house_style
def confusions(by_condition: Mapping[Condition | str, Predictions]) -> Figure:
    """Confusion matrices side by side: counts, and percent of the true class.

    A class of fewer than ten images is hatched instead of coloured.
    """
    titled = [(readable(name), found) for name, found in by_condition.items()]
    across = min(ACROSS, len(titled))
    titled += [("", None)] * (-len(titled) % across)
    return _confusion_table(
        [titled[start : start + across] for start in range(0, len(titled), across)]
    )


@house_style
def confusions_by_model(
    models: Mapping[tuple[str, str], Mapping[str, Predictions]],
    states: Sequence[str] = ("clean", "attacked"),
) -> Figure:
    """Small matrices of all models by (network, training), a line per network.

    The classes stand at the left, in the order of the columns.
    """
    lines: dict[str, list[tuple[str, Predictions]]] = {}
    for (network, training), found in models.items():
        lines.setdefault(network, []).extend((f"{training}\n{s}", found[s]) for s in states)
    if not lines:
        return nothing()
    across = max(map(len, lines.values()))
    figure, axes = panels(len(lines), across, 1.3 * across + 1.8, 1.55 * len(lines) + 0.3)
    for row, (network, titled) in zip(axes, lines.items(), strict=True):
        for axis, (title, found) in zip(row, titled, strict=False):
            names = found.class_names if axis is row[0] else ()
            _small_confusion(axis, found, names)
            axis.set_title(title, fontsize=8)
        row[0].set_ylabel(readable(network))
    for axis in (axis for axis in axes.flat if not axis.collections):
        axis.set_axis_off()
    return figure


def confusion(axis: Axes, predictions: Predictions) -> None:
    """One matrix, with the class names and the number of images from the data."""
    counts = predictions.confusion
    images = counts.sum(1, keepdims=True)
    shares = 100 * counts / images.clip(1)
    share = np.char.add("\n", np.char.add(shares.round().astype(int).astype(str), " %"))
    texts = counts.astype(int).astype(str)
    names = [readable(name) for name in predictions.class_names]
    rows = [f"{name} ({count:.0f})" for name, count in zip(names, images[:, 0], strict=True)]
    large = len(names) > 6  # no room for two lines in a cell
    texts = texts if large else np.char.add(texts, share)
    _colour_shares(axis, counts, texts, rows, names, fontsize=9)
    slant_names(axis)
    axis.set(xlabel="predicted class", ylabel="true class (images)")


def _small_confusion(axis: Axes, predictions: Predictions, names: Sequence[str]) -> None:
    """Counts, coloured by their share of the true class."""
    counts = predictions.confusion
    _colour_shares(axis, counts, counts.astype(int), names, fontsize=7)
    axis.tick_params(labelsize=8)


def _colour_shares(
    axis: Axes,
    counts: np.ndarray,
    texts: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str] = (),
    fontsize: int = 9,
) -> None:
    """Coloured by the share of the true class; a class of few images is hatched instead."""
    images = counts.sum(1, keepdims=True)
    shares = np.where(images < FEWEST_IMAGES, 0, 100 * counts / images.clip(1))
    # The palest two thirds: a matrix is read by its numbers.
    options = {"texts": texts, "annot_kws": {"fontsize": fontsize}}
    heat_map(axis, shares, rows, columns, (0, 150), **options)
    for row in np.flatnonzero(images < FEWEST_IMAGES):
        axis.axhspan(row, row + 1, facecolor="none", edgecolor="0.75", hatch="///", linewidth=0)


def _confusion_table(rows: Sequence[Sequence[tuple[str, Predictions | None]]]) -> Figure:
    """The matrices under their titles; class names stand at the left and at the bottom only."""
    classes = max(len(found.class_names) for row in rows for _, found in row if found)
    side, columns = max(2.1, 0.55 * classes), len(rows[0])
    figure, axes = panels(
        len(rows), columns, (side + 0.2) * columns + 2, (side + 0.7) * len(rows) + 1
    )
    for line, row in zip(axes, rows, strict=True):
        for axis, (title, found) in zip(line, row, strict=True):
            if found is None:
                axis.set_axis_off()
                continue
            confusion(axis, found)
            axis.set_title(f"{title}: {found.accuracy:.0%}".replace("%", " %"), fontsize=10)
    for axis, below in zip(axes[:-1].flat, axes[1:].flat, strict=True):
        if below.axison:
            axis.set(xticks=[], xlabel="")
    for axis in axes[:, 1:].flat:
        axis.set(yticks=[], ylabel="")
    return figure
