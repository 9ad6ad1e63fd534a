"""Noise, wrong labels and poison, and images that change when they are downscaled."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import uniform_filter

from utils.evaluation.metrics import SCORES, score_of
from utils.evaluation.predictions import Predictions, pool_trainings
from utils.figures.charts import forest, heat_map, name_rows
from utils.figures.grid import grid_axes, hide_axes, image_grid
from utils.figures.notebook_figure import house_style, panel, panels
from utils.figures.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    chance_line,
    name_lines,
    percent,
    readable,
    variant_colours,
)
from utils.figures.training import count_epochs

INVISIBLE = 40  # decibels, above which few people see a difference


def gallery(rows: Mapping[str, Sequence], titles: Sequence[str]) -> Figure:
    """Images in named rows under titled columns."""
    return image_grid(list(rows.values()), list(rows), titles)


@house_style
def accuracy_by_rate(
    curves: Mapping[str, Mapping[float, pd.Series]], xlabel: str, chance: float
) -> Figure:
    """A score (value, low, high) against the share of contaminated training images."""
    figure, axis = panel(9, 3.6)
    for (name, by_rate), colour in zip(curves.items(), variant_colours(curves), strict=True):
        rates = np.array(sorted(by_rate))
        value, low, high = np.array([by_rate[rate] for rate in rates], dtype=float).T
        axis.plot(100 * rates, value, "o-", color=colour, label=name, markersize=4)
        axis.fill_between(100 * rates, low, high, color=colour, alpha=0.15, linewidth=0)
    chance_line(axis, chance, "majority class")
    axis.set(xlabel=xlabel, ylim=(0, 1.02))
    percent(axis.yaxis, "accuracy")
    name_lines(axis)
    return figure


@house_style
def ablation(
    by_seed: Mapping[str, Mapping[str, Sequence[Predictions]]],
    scores: Sequence[str] = tuple(SCORES),
) -> Figure:
    """Scores of each variant under one condition or two, from one prediction per training.

    A dot with its interval over patients is the mean of the trainings; strokes are single ones.
    """
    figure, [axes] = panels(
        1, len(scores), 2.7 * len(scores) + 1.8, 0.5 * len(by_seed) + 1.3, sharey=True
    )
    for axis, score in zip(axes, scores, strict=True):
        for row, answers in enumerate(by_seed.values()):
            shifts = (-0.15, 0.15) if len(answers) > 1 else (0,)
            for (name, seeds), colour, shift in zip(
                answers.items(), (CLEAN, ATTACKED), shifts, strict=False
            ):
                label = readable(name) if row == 0 else None
                _trainings(axis, row + shift, seeds, score, colour, label)
        constant = SCORES[score](_constant_answer(seeds[0]))
        forest(axis, [], CLEAN, chance=constant)
        axis.set(title=score, xlim=(-0.03, 1.03), xticks=(0, 0.5, 1))
        percent(axis.xaxis, "score")
    name_rows(axes[0], by_seed)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
    )
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
def gan_training(history: list[dict], snapshots: Sequence[int], title: str = "") -> Figure:
    """Left, how often the discriminator is right; right, how much fakes of a class differ.

    Vertical lines mark the epochs after which the generator was saved.
    """
    figure, [[left, right]] = panels(1, 2, 10.5, 3.4)
    figure.suptitle(title)
    epochs = range(1, len(history) + 1)
    for key, name, colour in (
        ("real_recognised", "real images", CLEAN),
        ("fakes_recognised", "fakes", ATTACKED),
    ):
        left.plot(epochs, [row[key] for row in history], color=colour, label=name)
    chance_line(left, 0.5, "coin")
    left.set_ylim(0, 1.02)
    percent(left.yaxis, "discriminator is right")
    values = [row["diversity"] for row in history]
    right.plot(epochs, values, color=ATTACKED, label="fakes")
    chance_line(right, 1.0, "real images")
    right.set_ylim(0, 1.2)
    percent(right.yaxis, "diversity")
    for axis in (left, right):
        count_epochs(axis)
        for epoch in snapshots:
            axis.axvline(epoch, color=CHANCE, linewidth=0.8)
        name_lines(axis)
    return figure


def _trainings(axis: Axes, height: float, seeds: Sequence, score: str, colour, label) -> None:
    forest(axis, [score_of(pool_trainings(seeds), score)], colour, places=[height], label=label)
    single = [score_of(found, score).value for found in seeds]
    axis.plot(single, [height] * len(single), "|", color=colour, markersize=9)


def _constant_answer(found: Predictions) -> np.ndarray:
    """The confusion matrix of a constant answer: the commonest class every time."""
    counts = found.confusion.sum(1)
    table = np.zeros_like(found.confusion)
    table[:, counts.argmax()] = counts
    return table


def _busiest(before, after, zoom: int) -> tuple[int, int]:
    """The upper left of the square in which most has changed."""
    change = np.abs(np.asarray(after, float) - np.asarray(before, float)).sum(0)
    middle = np.unravel_index(uniform_filter(change, zoom, mode="constant").argmax(), change.shape)
    corner = (
        min(max(0, m - zoom // 2), e - zoom) for m, e in zip(middle, change.shape, strict=True)
    )
    return tuple(int(place) for place in corner)
