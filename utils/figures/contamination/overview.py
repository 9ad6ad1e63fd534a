"""Noise, wrong labels and poison: images, scores, and how generators learn."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utils.evaluation.metrics import SCORES, score_of
from utils.evaluation.predictions import Predictions, pool_trainings
from utils.figures.elements.charts import forest, name_rows
from utils.figures.elements.grid import image_grid
from utils.figures.elements.notebook_figure import house_style, panel, panels
from utils.figures.elements.style import (
    ATTACKED,
    CLEAN,
    chance_line,
    name_lines,
    percent,
    readable,
    variant_colours,
)


def gallery(rows: Mapping[str, Sequence], titles: Sequence[str]) -> Figure:
    """Images in named rows under titled columns."""
    return image_grid(list(rows.values()), list(rows), titles)


@house_style
def accuracy_by_rate(
    curves: Mapping[str, Mapping[float, pd.Series]],
    xlabel: str,
    chance: float,
    score: str = "accuracy",
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
    percent(axis.yaxis, score)
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
