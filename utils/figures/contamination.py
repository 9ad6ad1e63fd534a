"""Data with noise, wrong labels, poison, and pictures that change when they are shrunk."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import uniform_filter

from utils.evaluation.metrics import SCORES, score_of
from utils.evaluation.predictions import Predictions, pool_seeds
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


def ablation(
    by_seed: Mapping[str, Mapping[str, Sequence[Predictions]]],
    scores: Sequence[str] = tuple(SCORES),
) -> Figure:
    """Scores of each variant under one condition or two; the answers are one per training.

    A dot with its interval over patients is the mean of the trainings, the strokes are these.
    """
    with plt.rc_context(STYLE):
        size = (2.5 * len(scores) + 1.6, 0.5 * len(by_seed) + 1.3)
        figure, [axes] = plt.subplots(1, len(scores), figsize=size, sharey=True, squeeze=False)
        for axis, score in zip(axes, scores, strict=True):
            for row, answers in enumerate(by_seed.values()):
                shifts = (-0.15, 0.15) if len(answers) > 1 else (0,)
                kinds = zip(answers.items(), (CLEAN, ATTACKED), shifts, strict=False)
                for (name, seeds), colour, shift in kinds:
                    label = readable(name) if row == 0 else None
                    _with_trainings(axis, row + shift, seeds, score, colour, label)
            usual = _always_the_commonest(seeds[0])
            axis.axvline(SCORES[score](usual), color=CHANCE, ls=":", label="majority class")
            axis.set(title=score, xlim=(0, 1), xticks=(0, 0.5, 1))
        axes[0].set_yticks(range(len(by_seed)), list(by_seed))
        axes[0].invert_yaxis()
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return closed(figure)


def _with_trainings(axis, height: float, seeds: Sequence, score: str, colour, label) -> None:
    value, low, high = score_of(pool_seeds(seeds), score)
    axis.plot([low, high], [height, height], color=colour, linewidth=1.5)
    axis.plot(value, height, "o", color=colour, markersize=6, label=label)
    single = [score_of(said, score).value for said in seeds]
    axis.plot(single, [height] * len(single), "|", color=colour, markersize=9)


def _always_the_commonest(said: Predictions) -> np.ndarray:
    """The confusion of somebody who always names the commonest class."""
    counts = said.confusion.sum(1)
    table = np.zeros_like(said.confusion)
    table[:, counts.argmax()] = counts
    return table


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
