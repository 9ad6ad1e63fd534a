"""Pictures that turn into others when they are shrunk."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import uniform_filter

from utils.figures.style import ATTACKED, STYLE, closed, picture, readable

__all__ = ["disguises", "footprints", "hiding_map"]
UNSEEN = 40  # decibels, above which few people see a difference


def disguises(rows: Mapping[str, tuple], zoom: int = 32) -> Figure:
    """For each name a large image, the same with a small one hidden in it, a few of its pixels
    enlarged, and what a pipeline makes of it."""
    titles = (
        "before",
        "with the hidden picture",
        "a part of it",
        "what the pipeline sees",
    )
    with plt.rc_context(STYLE):
        size = (11, 2.9 * len(rows))
        figure, axes = plt.subplots(len(rows), len(titles), figsize=size, squeeze=False)
        for (name, (before, after, seen)), row in zip(rows.items(), axes, strict=True):
            top, left = _busiest(before, after, zoom)
            corner = after[:, top : top + zoom, left : left + zoom]
            for axis, image in zip(row, (before, after, corner, seen), strict=True):
                picture(axis, image)
            for axis in row[:2]:  # "nearest" would do to the figure what the pipeline does
                axis.images[0].set_interpolation("hanning")
            frame = {"fill": False, "edgecolor": ATTACKED, "linewidth": 1.5}
            row[1].add_patch(Rectangle((left, top), zoom, zoom, **frame))
            row[0].set_ylabel(name)
        for axis, title in zip(axes[0], titles, strict=True):
            axis.set_title(title, fontsize=11)
    return closed(figure)


def _busiest(before, after, zoom: int) -> tuple[int, int]:
    """The upper left of the square in which most has changed."""
    change = np.abs(np.asarray(after, float) - np.asarray(before, float)).sum(0)
    middle = np.unravel_index(uniform_filter(change, zoom, mode="constant").argmax(), change.shape)
    corner = (
        min(max(0, m - zoom // 2), e - zoom) for m, e in zip(middle, change.shape, strict=True)
    )
    return tuple(int(place) for place in corner)


def footprints(weights: Mapping[str, np.ndarray], columns: int = 6) -> Figure:
    """What a small pixel takes from each of the large ones around it, a panel for each resizer;
    negative weights are orange."""
    with plt.rc_context(STYLE):
        rows = -(-len(weights) // columns)
        size = (1.75 * columns, 2.0 * rows)
        figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
        for axis in axes.flat:
            axis.set_axis_off()
        for (name, each), axis in zip(weights.items(), axes.flat, strict=False):
            top = np.abs(each).max()
            axis.imshow(each, cmap="PuOr", vmin=-top, vmax=top, interpolation="nearest")
            axis.set_title(name.replace(" ", "\n", 1), fontsize=9)
            axis.set(xticks=[], yticks=[])
            axis.set_axis_on()
    return closed(figure)


def hiding_map(psnr: pd.DataFrame, missed: pd.DataFrame) -> Figure:
    """How alike source and disguise are (decibels) by resizer and ratio; a cross where the small
    image could not be made what the attacker wants."""
    with plt.rc_context(STYLE):
        size = (1.0 * len(psnr.columns) + 4, 0.36 * len(psnr) + 1.2)
        figure, axis = plt.subplots(figsize=size)
        seaborn.heatmap(
            psnr.mask(missed), vmin=10, vmax=UNSEEN, cmap="Oranges", annot=True, fmt=".0f",
            linewidths=1, ax=axis, cbar_kws={"label": "PSNR to the source (dB)"},
        )  # fmt: skip
        for row, column in zip(*np.nonzero(missed.to_numpy()), strict=True):
            axis.text(column + 0.5, row + 0.5, "×", ha="center", va="center")
        axis.set(xlabel="ratio: large pixels to a small one, per line", ylabel="")
        axis.set_yticks(np.arange(len(psnr)) + 0.5, map(readable, psnr.index), rotation=0)
        axis.tick_params(length=0)
    return closed(figure)
