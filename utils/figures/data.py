"""What a data set looks like, and what leaks in it."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from utils.data.split import Split, Splits
from utils.figures.elements.charts import forest, name_rows
from utils.figures.elements.grid import image_grid, show_image
from utils.figures.elements.notebook_figure import NotebookFigure, house_style, panel, panels
from utils.figures.elements.style import (
    ATTACKED,
    CLEAN,
    SPLITS,
    percent,
    readable,
)


def examples(split: Split, each: int = 6, title: str = "") -> Figure:
    """A row of images per class, from `each` different patients where there are as many."""
    chosen = [_different_patients(split, label, each) for label in range(split.classes)]
    rows = [[split.images[index] for index in row] for row in chosen]
    return image_grid(rows, split.class_names, [""] * each, title=title)


@house_style
def patches(image, side: int) -> Figure:
    """An image, and the same one cut into the patches that a vision transformer reads."""
    pixels = np.asarray(image)
    rows, columns = pixels.shape[-2] // side, pixels.shape[-1] // side
    figure = NotebookFigure(figsize=(6.2, 2.9), layout="constrained")
    whole, cut = figure.subfigures(1, 2)
    axis = whole.subplots()
    show_image(axis, pixels)
    axis.set_title(f"{pixels.shape[-1]} × {pixels.shape[-2]} pixels", fontsize=11)
    cut.suptitle(f"{rows} × {columns} patches of {side} × {side}", fontsize=11)
    for number, axis in enumerate(cut.subplots(rows, columns, squeeze=False).flat):
        top, left = side * (number // columns), side * (number % columns)
        show_image(axis, pixels[:, top : top + side, left : left + side])
    return figure


@house_style
def class_balance(splits: Splits, title: str = "") -> Figure:
    """The share of each class in each split, with the number of images on every bar."""
    figure, axis = panel(8.5, 2.8)
    for shift, (name, split) in enumerate(splits.items()):
        counts = split.counts.numpy()
        places = np.arange(split.classes) + 0.27 * (shift - 1)
        bars = axis.bar(places, counts / counts.sum(), 0.25, label=name, color=SPLITS[name])
        axis.bar_label(bars, counts, fontsize=8, color="0.35", padding=2)
    names = [readable(name) for name in splits.train.class_names]
    axis.set_xticks(range(len(names)), names)
    axis.set_title(title)
    percent(axis.yaxis, "share of the split")
    axis.margins(y=0.15)
    figure.legend(frameon=False, fontsize=9, loc="outside right center")
    return figure


def nearest_neighbours(test, training, captions: Sequence[str], title: str = "") -> Figure:
    """Test images above, the training image nearest to each below it."""
    names = ("test", "nearest\ntraining")
    return image_grid([test, training], names, captions=[[], captions], title=title)


@house_style
def neighbour_distances(by_patient, by_image, limit: float, title: str = "") -> Figure:
    """How near the nearest training image is, for an honest and for a leaking split."""
    figure, axis = panel(8.5, 2.8)
    bins = np.linspace(0, 1, 41)
    for values, name, colour in (
        (by_patient, "split by patient", CLEAN),
        (by_image, "split by image", ATTACKED),
    ):
        weights = np.full(len(values), 1 / len(values))
        axis.hist(np.asarray(values), bins, weights=weights, label=name, color=colour, alpha=0.75)
    axis.axvline(limit, color="black", linestyle=":", label="sibling to the left")
    axis.set(xlabel="distance to the nearest training image / to the 50th nearest", xlim=(0, 1))
    axis.set_title(title)
    percent(axis.yaxis, "test images")
    figure.legend(frameon=False, fontsize=9, loc="outside right center")
    return figure


@house_style
def scores_and_chance(
    panels_of: Mapping[str, pd.DataFrame], chance: Mapping[str, float], xlabel: str
) -> Figure:
    """A dot with its interval for each row (value, low, high), and the chance line of each panel.

    Orange where the whole interval lies above chance, blue where it does not.
    """
    rows = max(len(table) for table in panels_of.values())
    size = (3.4 * len(panels_of) + 2.2, 0.4 * rows + 1.7)
    figure, [axes] = panels(1, len(panels_of), *size, sharey=True)
    for axis, (name, table) in zip(axes, panels_of.items(), strict=True):
        colours = [ATTACKED if low > chance[name] else CLEAN for low in table["low"]]
        forest(axis, table[["value", "low", "high"]].to_numpy(float), colours, chance[name])
        axis.set(title=name, xlim=(0, 1.03))
        percent(axis.xaxis, xlabel)
    name_rows(axes[0], table.index)
    named = {"orange": "above a constant answer", "blue": "not above it"}
    figure.supxlabel("; ".join(f"{c}: {text}" for c, text in named.items()), fontsize=9)
    return figure


@house_style
def recovery(ratios, limit: float, margins, whole=None) -> Figure:
    """The links that tie all images together, with the limit, and how certain each patient is.

    `whole` says which patients were recovered exactly, where the truth is known.
    """
    figure, [[left, right]] = panels(1, 2, 10.5, 3.2)
    left.hist(np.asarray(ratios), np.linspace(0, 1.1, 56), color=CLEAN)
    left.axvline(limit, color="black", linestyle=":", label=f"limit {limit:.2f}")
    left.set(xlabel="distance / distance to other patients", ylabel="links of the tree")
    margins = np.asarray(margins)
    groups = {"patients": margins}
    if whole is not None:
        groups = {"whole": margins[whole], "split or merged": margins[~np.asarray(whole)]}
    bins = np.linspace(min(0, margins.min()), max(0.1, margins.max()), 25)
    colours = [CLEAN, ATTACKED][: len(groups)]
    right.hist(list(groups.values()), bins, stacked=True, label=list(groups), color=colours)
    right.set(xlabel="certainty: how far the limit could move", ylabel="patients")
    for axis in (left, right):
        axis.yaxis.set_major_locator(MaxNLocator(integer=True))
        axis.legend(frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure


def _different_patients(split: Split, label: int, count: int) -> np.ndarray:
    members = np.flatnonzero(split.labels == label)
    if split.groups is not None:
        _, first = np.unique(split.groups[members], return_index=True)
        members = members[np.sort(first)]
    return members[:count]
