"""How a model was found: tuning trials, loss and accuracy over the epochs."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from utils.evaluation.metrics import HEADLINE
from utils.figures.elements.notebook_figure import house_style, panels
from utils.figures.elements.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    OTHERS,
    chance_line,
    name_lines,
    percent,
    readable,
    variant_colours,
)
from utils.training.loop import best_epoch

SHORT = 10  # epochs, up to which each is marked
DURING = "during training"  # not measured after the epoch, as validation is
ENOUGH_TRIALS = 5  # for importances to mean something
WIDE = 20  # times the smallest value: then a logarithmic axis shows more


@house_style
def training_curves(
    history: list[dict], constant: float, score: str = "validation score"
) -> Figure:
    """Loss on the left, accuracy and the score that picks the best epoch on the right.

    `constant` is what a constant answer has in that score. One legend serves both, outside the
    axes: no corner is empty in every training. Training curves show the images as they were
    trained on, while the weights moved.
    """
    epochs, mark = _epochs(history), _mark(history)
    figure, [[left, right]] = panels(1, 2, 11, 3)
    validation = "validation, averaged weights" if history[0].get("averaged") else "validation"
    for axis, names in (
        (left, {"train_loss": DURING, "validation_loss": validation}),
        (right, {"train_accuracy": DURING, "validation_accuracy": validation}),
    ):
        for (key, name), line in zip(names.items(), ("--", "-"), strict=True):
            axis.plot(epochs, [row[key] for row in history], mark + line, color=CLEAN, label=name)
        count_epochs(axis)
    best = best_epoch(history)
    right.plot(epochs, [row["score"] for row in history], mark + "-", color=ATTACKED, label=score)
    right.plot(
        best["epoch"] + 1, best["score"], "o", color=ATTACKED, markersize=9, label="epoch in use"
    )
    chance_line(right, constant, "constant answer")
    left.set_ylabel("loss")
    right.set_ylim(0, 1.02)
    percent(right.yaxis, "accuracy")
    handles = right.get_legend_handles_labels()
    figure.legend(*handles, loc="outside right center", frameon=False, fontsize=9)
    return figure


@house_style
def defence_curves(histories: Mapping[str, list[dict]], classes: int) -> Figure:
    """Validation of each training: left on clean images, right attacked, which decides.

    A dot marks the epoch in use.
    """
    figure, [[clean, attacked]] = panels(1, 2, 10.5, 3.2, sharey=True)
    for (name, history), colour in zip(histories.items(), variant_colours(histories), strict=True):
        epochs, mark, best = _epochs(history), _mark(history), best_epoch(history)
        for axis, key in ((clean, "validation_accuracy"), (attacked, "score")):
            values = [row[key] for row in history]
            axis.plot(epochs, values, mark + "-", color=colour, label=name)
            axis.plot(best["epoch"] + 1, best[key], "o", color=colour, markersize=9)
    chance_line(attacked, 1 / classes, "constant answer")
    clean.set_ylim(0, 1.02)
    for axis, label in ((clean, "accuracy, clean"), (attacked, f"{HEADLINE}, attacked")):
        percent(axis.yaxis, label)
        count_epochs(axis)
        name_lines(axis)
    return figure


@house_style
def tuning(trials: list[dict], importances: dict[str, float]) -> Figure:
    """The score of every trial with the best so far, and what mattered for it.

    With fewer than five trials importance cannot be estimated, and only trials are shown.
    """
    both = bool(importances) and len(trials) >= ENOUGH_TRIALS
    figure, [axes] = panels(1, 1 + both, 10, 2.8)
    numbers = np.array([trial["number"] + 1 for trial in trials])
    values = np.array([trial["value"] for trial in trials])
    done = np.array([trial["state"] == "COMPLETE" for trial in trials])
    axes[0].plot(numbers[done], values[done], "o", color=CLEAN, label="trial")
    if not done.all():
        axes[0].plot(numbers[~done], values[~done], "x", color=CHANCE, label="pruned")
    best = np.maximum.accumulate(np.where(done, values, -np.inf))
    axes[0].step(numbers, best, where="post", color=ATTACKED, label="best so far")
    axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_xlabel("trial")
    percent(axes[0].yaxis, "validation score")
    axes[0].legend(frameon=False, fontsize=9)
    if both:
        _shares(axes[1], importances)
    return figure


@house_style
def trial_scatter(
    trials: list[dict],
    importances: dict[str, float],
    x: str,
    by: str,
    labels: tuple[str, str] = ("", ""),
    y: str = "value",
    lines: Mapping[str, float] | None = None,
) -> Figure:
    """Every trial at its setting `x`, coloured by its setting `by`, and what mattered for it.

    Crosses are trials that were ended early, at their last score. `x` and `y` may be anything
    that a trial has reported; `lines` are scores to compare with.
    """
    ratios = (3, 2) if importances else (1,)
    figure, [[axis, *others]] = panels(1, len(ratios), 11, 3.2, width_ratios=ratios)
    groups = sorted({trial[by] for trial in trials})
    for group, colour in zip(groups, cycle((CLEAN, *OTHERS)), strict=False):
        for state, mark in (("COMPLETE", "o"), ("PRUNED", "x")):
            rows = [row for row in trials if row[by] == group and row["state"] == state]
            points = [row[x] for row in rows], [row[y] for row in rows]
            name = f"{readable(by)}: {group}" if state == "COMPLETE" else None
            axis.plot(*points, mark, color=colour, label=name)
    for name, height in (lines or {}).items():
        chance_line(axis, height, f"_{name}")  # named at the line, not in the legend
        place = axis.get_yaxis_transform()
        axis.text(0.99, height, name, transform=place, ha="right", va="bottom", color=CHANCE)
    axis.plot([], [], "x", color=CHANCE, label="ended early")
    if max(trial[x] for trial in trials) > WIDE * min(trial[x] for trial in trials):
        axis.set_xscale("log")
    axis.set_xlabel(labels[0] or readable(x))
    percent(axis.yaxis, labels[1] or "validation score")
    named = axis.get_legend_handles_labels()
    figure.legend(*named, loc="outside lower left", ncols=5, frameon=False, fontsize=9)
    for other in others:
        _shares(other, importances)
    return figure


def _shares(axis: Axes, importances: dict[str, float]) -> None:
    names = sorted(importances, key=importances.get)
    axis.barh([readable(name) for name in names], [importances[n] for n in names], color=CLEAN)
    axis.set_xlim(0, 1)
    percent(axis.xaxis, "share of the differences explained")


def _epochs(history: list[dict]) -> range:
    return range(1, len(history) + 1)


def _mark(history: list[dict]) -> str:
    """A line of few points is mostly guessed, and shows which points it has."""
    return "." if len(history) <= SHORT else ""


def count_epochs(axis: Axes) -> None:
    """Whole epochs along the axis."""
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("epoch")
