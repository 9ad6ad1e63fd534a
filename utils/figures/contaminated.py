"""Contaminated data: what they look like, and what they cost."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from utils.figures.style import (
    ATTACKED,
    CHANCE,
    STYLE,
    blank,
    chance_line,
    closed,
    picture,
    readable,
    variant_colours,
)

__all__ = ["accuracy_by_rate", "contact_sheet", "contamination_matrix", "gallery", "roc_by_kind"]

KINDS = {  # colours
    "noise": "#999999",
    "label error": "#E69F00",
    "poison": "#CC79A7",
    "adversarial": ATTACKED,
}


def gallery(rows: Mapping[str, Sequence], titles: Sequence[str]) -> Figure:
    """Images in named rows under titled columns."""
    with plt.rc_context(STYLE):
        size = (1.05 * len(titles) + 1.6, 1.05 * len(rows) + 0.4)
        figure, axes = plt.subplots(len(rows), len(titles), figsize=size, squeeze=False)
        for (name, images), row in zip(rows.items(), axes, strict=True):
            row[0].set_ylabel(readable(name), rotation=0, ha="right", va="center", fontsize=9)
            for axis, image in zip(row, images, strict=True):
                picture(axis, image)
        for axis, title in zip(axes[0], titles, strict=True):
            axis.set_title(title, fontsize=9)
    return closed(figure)


def contamination_matrix(tables: Mapping[str, pd.DataFrame], chance: float) -> Figure:
    """Accuracy in percent by kind (row) and severity (column), one panel per model.

    Colours begin at `chance`, what an answer without looking would reach.
    """
    with plt.rc_context(STYLE):
        rows = max(len(table) for table in tables.values())
        size = (4.1 * len(tables) + 1.6, 0.36 * rows + 1.3)
        figure, axes = plt.subplots(1, len(tables), figsize=size, sharey=True, squeeze=False)
        for (name, table), axis in zip(tables.items(), axes[0], strict=True):
            last = axis is axes[0, -1]
            seaborn.heatmap(
                100 * table, vmin=100 * chance, vmax=100, cmap="Blues", annot=True, fmt=".0f",
                linewidths=1, ax=axis, cbar=last,
                cbar_kws={"label": "accuracy (%)"} if last else None,
            )  # fmt: skip
            axis.set(title=name, xlabel="severity", ylabel="")
            axis.tick_params(length=0)
    return closed(figure)


def accuracy_by_rate(
    curves: Mapping[str, Mapping[float, pd.Series]], xlabel: str, chance: float
) -> Figure:
    """A score (value, low, high) against the share of contaminated training images."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.5, 3.4))
        for (name, by_rate), colour in zip(curves.items(), variant_colours(curves), strict=True):
            rates = np.array(sorted(by_rate))
            value, low, high = np.array([by_rate[rate] for rate in rates], dtype=float).T
            axis.plot(100 * rates, value, "o-", color=colour, label=name, markersize=4)
            axis.fill_between(100 * rates, low, high, color=colour, alpha=0.15, linewidth=0)
        chance_line(axis, chance, "majority class")
        axis.set(xlabel=xlabel, ylabel="accuracy", ylim=(0, 1.02))
        axis.legend(frameon=False, fontsize=9)
    return closed(figure)


def roc_by_kind(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], alarms: float) -> Figure:
    """The share of the guilty that is caught against that of the innocent accused, by kind.

    Each curve is made from suspicions and whether they were just. The axis is logarithmic: what
    counts is on the left, where few innocents are accused. A vertical line marks `alarms`.
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6.5, 3.8))
        innocent = max(np.sum(~np.asarray(guilty, bool)) for _, guilty in curves.values())
        few = min(0.5 / innocent, alarms / 2)  # a logarithmic axis has no zero
        widths = np.linspace(5, 1.5, len(curves))  # curves that lie on each other all show
        for (name, (suspicion, guilty)), width in zip(curves.items(), widths, strict=True):
            false, caught, _ = roc_curve(guilty, suspicion, drop_intermediate=False)
            axis.step(
                false.clip(few), caught, where="post", linewidth=width, label=name,
                color=KINDS.get(name, "#000000"),
            )  # fmt: skip
        share = np.geomspace(few, 1, 200)
        axis.plot(share, share, color=CHANCE, linestyle=":", label="chance")
        axis.axvline(alarms, color=CHANCE, linewidth=0.8)
        axis.text(alarms, 1.02, f"{alarms:.0%}", color=CHANCE, ha="center", fontsize=9)
        axis.set(xscale="log", xlim=(few, 1), ylim=(0, 1.02))
        axis.set(xlabel="clean images accused (share)", ylabel="images of the kind found")
        figure.legend(frameon=False, fontsize=9, loc="outside right center")
    return closed(figure)


def contact_sheet(images: Sequence, captions: Sequence[str], columns: int = 6) -> Figure:
    """Images in the order given, each over its caption."""
    rows = max(1, math.ceil(len(images) / columns))
    with plt.rc_context(STYLE):
        size = (1.55 * columns, 1.75 * rows)
        figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
        for axis in axes.flat:
            blank(axis)
        for axis, image, caption in zip(axes.flat, images, captions, strict=False):
            picture(axis, image)
            axis.set_xlabel(caption, fontsize=8)
    return closed(figure)
