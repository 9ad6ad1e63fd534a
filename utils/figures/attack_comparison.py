"""Many attackers beside each other: how strong, how curious, how visible, whom else they fool."""

from collections.abc import Mapping
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from utils.evaluation import metrics
from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import majority_share
from utils.evaluation.predictions import Predictions
from utils.figures.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    STYLE,
    chance_line,
    closed,
    picture,
    readable,
    variant_colours,
)


def security_curves(curves: Mapping[str, Mapping[float, Predictions]]) -> Figure:
    """Accuracy against the size of the change, for many attackers; size 0 is clean.

    Bars are 95 % intervals. Each attacker has a place of its own beside the size, so that no bar
    hides another.
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(8.5, 4.4))
        shifts = np.linspace(-0.04, 0.04, len(curves))
        marks = zip(
            curves.items(), variant_colours(curves), shifts, cycle("osD^vP*X"), strict=False
        )
        for (name, by_size), colour, shift, mark in marks:
            sizes = np.array(sorted(by_size))
            rows = [metrics.score_of(by_size[size]) for size in sizes]
            value, low, high = np.array(rows, dtype=float).T
            error = [value - low, high - value]
            places = 255 * sizes + shift * 255 * max(sizes)
            axis.errorbar(
                places, value, error, fmt=f"{mark}-", color=colour, label=name, markersize=5,
                elinewidth=0.8, alpha=0.9,
            )  # fmt: skip
        chance_line(axis, majority_share(by_size[sizes[0]].labels), "majority class")
        axis.set(xlabel="largest change of a pixel (grey levels of 255)", ylabel="accuracy")
        axis.set_xticks(255 * sizes)
        axis.set_ylim(-0.02, 1.02)
        figure.legend(frameon=False, fontsize=9, loc="outside right center")
    return closed(figure)


def success_by_queries(needed: Mapping[str, np.ndarray], budgets: Mapping[str, int]) -> Figure:
    """Share of the images that still stand after so many questions about each of them.

    `needed` holds, per image, the questions until it fell: inf where it never did.
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.5, 3.4))
        for (name, counts), colour in zip(needed.items(), variant_colours(needed), strict=True):
            asked = np.unique(counts[np.isfinite(counts)]).clip(1)
            asked = np.unique([1, *asked, budgets[name]])
            left = [(counts > number).mean() for number in asked]
            axis.step(asked, left, where="post", color=colour, label=name)
            axis.plot(asked[-1], left[-1], "o", color=colour, markersize=5)
        axis.set(xscale="log", xlabel="questions about an image", ylabel="images still standing")
        axis.set_ylim(-0.02, 1.02)
        axis.legend(frameon=False, fontsize=9)
    return closed(figure)


def attack_gallery(
    image, attacked: Mapping[str, np.ndarray], verdicts: list[str], magnify: int
) -> Figure:
    """One image as several attackers leave it, and below what each has changed, magnified.

    The first of `attacked` is the image itself.
    """
    with plt.rc_context(STYLE):
        count = len(attacked)
        figure, axes = plt.subplots(2, count, figsize=(1.5 * count + 0.8, 3.9), squeeze=False)
        for (name, shown), verdict, column in zip(attacked.items(), verdicts, axes.T, strict=True):
            change = 0.5 + magnify * (np.asarray(shown) - np.asarray(image))
            picture(column[0], 255 * np.asarray(shown))
            picture(column[1], 255 * change.clip(0, 1))
            column[0].set_title(name, fontsize=9)
            colour = CLEAN if verdict == verdicts[0] else ATTACKED
            column[0].set_xlabel(readable(verdict), color=colour, fontsize=9)
        axes[1, 0].set_ylabel(f"change × {magnify}", rotation=0, ha="right", va="center")
    return closed(figure)


def transfer(
    answers: Mapping[str, Mapping[str, Predictions]], clean: Mapping[str, Predictions]
) -> Figure:
    """Accuracy of each model (column) on images made to fool another (row), clean images first."""
    rows = {"(clean)": clean, **answers}
    table = np.array([[found[name].accuracy for name in clean] for found in rows.values()])
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(1.15 * len(clean) + 2.4, 0.55 * len(rows) + 1.5))
        seaborn.heatmap(
            100 * table, vmin=0, vmax=100, cmap="Blues_r", annot=True, fmt=".0f", ax=axis,
            xticklabels=list(clean), yticklabels=list(rows), linewidths=1,
            cbar_kws={"label": "accuracy (%)"},
        )  # fmt: skip
        axis.tick_params(length=0)
        axis.set_yticklabels(list(rows), rotation=0)
        axis.set(xlabel="model that is asked", ylabel="attack made on")
    return closed(figure)


def claimed_vs_true(told: Mapping[str, float], true: Mapping[str, Interval | pd.Series]) -> Figure:
    """What was told of each exhibit, in percent, beside what is true with its interval."""
    rows = 100 * np.array([list(true[name]) for name in told], dtype=float)
    value, low, high = rows.T
    places, said = np.arange(len(told)), [100 * share for share in told.values()]
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(8.5, 0.38 * len(told) + 1.1))
        axis.hlines(places, value, said, color=CHANCE, lw=1)
        axis.errorbar(
            value, places, xerr=[value - low, high - value], fmt="o", color=CLEAN, label="true"
        )
        axis.plot(said, places, "X", color=ATTACKED, markersize=9, label="told")
        axis.set_yticks(places, list(told))
        axis.invert_yaxis()
        axis.set(xlim=(0, 102), xlabel="percent")
        figure.legend(frameon=False, loc="outside upper right", ncols=2)
    return closed(figure)
