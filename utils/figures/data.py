"""What a data set looks like, what leaks in it, and what a human reader is shown."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils.data.split import Split, Splits
from utils.figures.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    SPLITS,
    STYLE,
    blank,
    closed,
    picture,
    readable,
)


def examples(split: Split, each: int = 6, title: str = "") -> Figure:
    """A row of images per class, from `each` different patients where there are as many."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            split.classes,
            each,
            figsize=(1.0 * each + 1.8, 1.0 * split.classes + 0.4),
            dpi=72,  # about one dot per pixel: noisy images make heavy notebooks
            squeeze=False,
        )
        figure.suptitle(title)
        for label, row in enumerate(axes):
            chosen = _of_different_patients(split, label, each)
            row[0].set_ylabel(
                readable(split.class_names[label]), rotation=0, ha="right", va="center"
            )
            for axis in row:
                blank(axis)
            for axis, index in zip(row, chosen, strict=False):
                picture(axis, split.images[index])
    return closed(figure)


def patches(image, side: int) -> Figure:
    """An image, and the same one cut into the patches that a vision transformer reads."""
    pixels = np.asarray(image)
    rows, columns = pixels.shape[-2] // side, pixels.shape[-1] // side
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(6.2, 2.9))
        whole, cut = figure.subfigures(1, 2)
        axis = whole.subplots()
        picture(axis, pixels)
        axis.set_title(f"{pixels.shape[-1]} × {pixels.shape[-2]} pixels", fontsize=11)
        cut.suptitle(f"{rows} × {columns} patches of {side} × {side}", fontsize=11)
        for number, axis in enumerate(cut.subplots(rows, columns, squeeze=False).flat):
            top, left = side * (number // columns), side * (number % columns)
            picture(axis, pixels[:, top : top + side, left : left + side])
    return closed(figure)


def class_balance(splits: Splits, title: str = "") -> Figure:
    """The share of each class in each split, with the number of images on every bar."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.5, 2.8))
        for shift, (name, split) in enumerate(splits.items()):
            counts = split.counts.numpy()
            places = np.arange(split.classes) + 0.27 * (shift - 1)
            bars = axis.bar(
                places, 100 * counts / counts.sum(), 0.25, label=name, color=SPLITS[name]
            )
            axis.bar_label(bars, counts, fontsize=8, color="0.35", padding=2)
        names = [readable(name) for name in splits.train.class_names]
        axis.set_xticks(range(len(names)), names)
        axis.set(ylabel="share of the split (%)", title=title)
        axis.margins(y=0.15)
        axis.legend(frameon=False)
    return closed(figure)


def nearest_neighbours(above, below, captions, title: str = "") -> Figure:
    """Test images above, the training image nearest to each below it."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, len(above), figsize=(1.2 * len(above) + 1.2, 3.1), dpi=72)
        figure.suptitle(title)
        for column, caption in enumerate(captions):
            picture(axes[0, column], above[column])
            picture(axes[1, column], below[column])
            axes[1, column].set_xlabel(caption, fontsize=9)
        for axis, name in zip(axes[:, 0], ("test", "nearest\ntraining"), strict=True):
            axis.set_ylabel(name, rotation=0, ha="right", va="center")
    return closed(figure)


def neighbour_distances(by_patient, by_image, limit: float, title: str = "") -> Figure:
    """How near the nearest training image is, for an honest and for a leaking split."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.5, 2.8))
        bins = np.linspace(0, 1, 41)
        for values, name, colour in (
            (by_patient, "split by patient", CLEAN),
            (by_image, "split by image", ATTACKED),
        ):
            shares = np.full(len(values), 100 / len(values))
            axis.hist(
                np.asarray(values), bins, weights=shares, label=name, color=colour, alpha=0.75
            )
        axis.axvline(limit, color="black", linestyle=":", label="sibling below")
        axis.set(
            xlabel="distance to the nearest training image / to the 50th nearest",
            ylabel="test images (%)",
            title=title,
            xlim=(0, 1),
        )
        axis.legend(frameon=False)
    return closed(figure)


def _of_different_patients(split: Split, label: int, count: int) -> np.ndarray:
    members = np.flatnonzero(split.labels == label)
    if split.groups is not None:
        _, first = np.unique(split.groups[members], return_index=True)
        members = members[np.sort(first)]
    return members[:count]


def scores_and_chance(
    panels: Mapping[str, pd.DataFrame], chance: Mapping[str, float], xlabel: str
) -> Figure:
    """A dot with its interval for each row (value, low, high), and the chance line of each panel.

    Orange where the whole interval lies above chance, blue where it does not.
    """
    with plt.rc_context(STYLE):
        rows = max(len(table) for table in panels.values())
        size = (3.3 * len(panels) + 2.2, 0.4 * rows + 1.5)
        figure, [axes] = plt.subplots(1, len(panels), figsize=size, sharey=True, squeeze=False)
        for axis, (name, table) in zip(axes, panels.items(), strict=True):
            for height, row in enumerate(table.to_dict("records")):
                colour = ATTACKED if row["low"] > chance[name] else CLEAN
                axis.plot([row["low"], row["high"]], [height] * 2, color=colour, linewidth=2)
                axis.plot(row["value"], height, "o", color=colour, markersize=7)
            line = axis.axvline(chance[name], color=CHANCE, linestyle=":", label="without looking")
            axis.set(title=name, xlabel=xlabel, xlim=(0, 1.03), ylim=(rows - 0.5, -0.5))
        axes[0].set_yticks(range(rows), [readable(name) for name in table.index])
        figure.legend(handles=[line], frameon=False, loc="outside lower right", fontsize=9)
    return closed(figure)


def recovery(ratios, limit: float, margins, right=None) -> Figure:
    """The links that tie everybody together, with the limit, and how sure each patient is.

    `right` says which patients are true ones, where that is known.
    """
    with plt.rc_context(STYLE):
        figure, (left, beside) = plt.subplots(1, 2, figsize=(9.5, 3))
        left.hist(np.asarray(ratios), np.linspace(0, 1.1, 56), color=CLEAN)
        left.axvline(limit, color="black", linestyle=":", label=f"limit {limit:.2f}")
        left.set(xlabel="distance / distance to strangers", ylabel="links of the tree")
        left.legend(frameon=False, fontsize=9)
        margins = np.asarray(margins)
        told = {"patients": margins}
        if right is not None:
            told = {"whole": margins[right], "torn or mixed": margins[~np.asarray(right)]}
        bins = np.linspace(min(0, margins.min()), max(0.1, margins.max()), 25)
        beside.hist(
            list(told.values()), bins, stacked=True, label=list(told),
            color=[CLEAN, ATTACKED][: len(told)],
        )  # fmt: skip
        beside.set(xlabel="sureness: how far the limit could move", ylabel="patients")
        beside.legend(frameon=False, fontsize=9)
    return closed(figure)


def pairs(pictures: np.ndarray) -> Figure:
    """A and B of each pair: uint8 (pairs, 2, channels, height, width), as on the page."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(pictures), 2, figsize=(6.4, 3.3 * len(pictures)), squeeze=False
        )
        for number, (row, pair) in enumerate(zip(axes, pictures, strict=True), 1):
            for axis, side, shown in zip(row, "AB", pair, strict=True):
                picture(axis, shown)
                axis.set_title(f"pair {number}, {side}", fontsize=11)
    return closed(figure)
