"""How a model was found: tuning trials, loss and accuracy over the epochs."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from utils.figures.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    STYLE,
    chance_line,
    closed,
    readable,
    variant_colours,
)
from utils.training.loop import best_epoch


def curves(
    history: list[dict], chance: float, score: str = "validation score", title: str = ""
) -> Figure:
    """Loss on the left, accuracy and the score that picks the best epoch on the right.

    One legend serves both, outside the axes, for no corner is empty in every training.
    """
    epochs = [row["epoch"] + 1 for row in history]
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3))
        figure.suptitle(title)
        for axis, names in (
            (left, {"train_loss": "training", "validation_loss": "validation"}),
            (right, {"train_accuracy": "training", "validation_accuracy": "validation"}),
        ):
            for (key, name), line in zip(names.items(), ("--", "-"), strict=True):
                axis.plot(epochs, [row[key] for row in history], line, color=CLEAN, label=name)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            axis.set_xlabel("epoch")
        scores = [row["score"] for row in history]
        best = best_epoch(history)
        right.plot(epochs, scores, color=ATTACKED, label=score)
        if "one_step" in history[0]:
            beside = [row["one_step"] for row in history]
            right.plot(epochs, beside, ":", color="black", linewidth=2, label="one step")
        right.plot(best["epoch"] + 1, best["score"], "o", color=ATTACKED, label="kept")
        chance_line(right, chance, "majority class")
        left.set_ylabel("loss")
        right.set(ylabel="accuracy", ylim=(0, 1.02))
        figure.legend(
            *right.get_legend_handles_labels(),
            loc="outside right center",
            frameon=False,
            fontsize=9,
        )
    return closed(figure)


def regimes(histories: Mapping[str, list[dict]], chance: float, classes: int) -> Figure:
    """A column per regime, below each other loss, accuracy, accuracy under attack; shared axes.

    The grey line marks the epoch that is kept.
    """
    rows = {
        "loss": [("train_loss", "training"), ("validation_loss", "validation")],
        "accuracy": [("train_accuracy", "training"), ("validation_accuracy", "validation")],
        "balanced accuracy\nunder attack": [("one_step", "one step"), ("attacked", "many steps")],
    }
    with plt.rc_context(STYLE):
        size = (3.1 * len(histories) + 0.6, 6.4)
        figure, axes = plt.subplots(3, len(histories), figsize=size, sharex=True, sharey="row")
        for column, (name, history) in zip(axes.T, histories.items(), strict=True):
            column[0].set_title(name, fontsize=11)
            column[-1].set_xlabel("epoch")
            for axis, curves_of in zip(column, rows.values(), strict=True):
                _regime_panel(axis, history, curves_of)
        for axis, name in zip(axes[:, 0], rows, strict=True):
            axis.set_ylabel(name)
        for row, height, known in ((1, chance, "majority class"), (2, 1 / classes, "one answer")):
            for axis in axes[row]:
                if axis.lines:
                    chance_line(axis, height, known)
            axes[row, 0].set_ylim(0, 1.02)
        for axis in axes[:, -1]:
            axis.legend(frameon=False, fontsize=9)
        axes[0, 0].xaxis.set_major_locator(MaxNLocator(integer=True))
    return closed(figure)


def _regime_panel(axis, history: list[dict], curves_of: list[tuple[str, str]]) -> None:
    """Dashed the first curve, solid the second; where nobody attacked, no curve."""
    attacked = curves_of[0][0] == "one_step"
    if attacked and "one_step" not in history[0]:
        axis.text(0.5, 0.5, "nobody attacked", transform=axis.transAxes, ha="center", color=CHANCE)
        return
    epochs = [row["epoch"] + 1 for row in history]
    for (key, name), line in zip(curves_of, ("--", "-"), strict=True):
        values = [row.get(key, row["score"]) for row in history]
        axis.plot(epochs, values, line, color=ATTACKED if attacked else CLEAN, label=name)
    axis.axvline(best_epoch(history)["epoch"] + 1, color=CHANCE, linewidth=0.8)


def collapse_curves(histories: Mapping[str, Sequence[list[dict]]]) -> Figure:
    """NC1, NC2 and NC3 by epoch: a line per variant, the mean of its trainings; thin ones each."""
    panels = {
        "NC1": "NC1: within the classes",
        "NC2": "NC2: class means",
        "NC3": "NC3: means and directions",
    }
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.4))
        for axis, (key, title) in zip(axes, panels.items(), strict=True):
            for (name, seeds), colour in zip(
                histories.items(), variant_colours(histories), strict=True
            ):
                shortest = min(len(history) for history in seeds)
                for history in seeds:
                    values = [row[key] for row in history]
                    axis.plot(range(1, len(values) + 1), values, color=colour, lw=0.6, alpha=0.5)
                mean = np.mean([[row[key] for row in h[:shortest]] for h in seeds], 0)
                axis.plot(range(1, shortest + 1), mean, color=colour, lw=2, label=name)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            axis.set(title=title, xlabel="epoch", yscale="log" if key == "NC1" else "linear")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return closed(figure)


def gan_training(history: list[dict], snapshots: Sequence[int], title: str = "") -> Figure:
    """Left, how often the discriminator is right; right, how much fakes of a class differ.

    Vertical lines mark the epochs after which the generator was kept.
    """
    epochs = [row["epoch"] + 1 for row in history]
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
        figure.suptitle(title)
        for key, name, colour in (
            ("real_recognised", "real images called real", CLEAN),
            ("fakes_recognised", "fakes called fake", ATTACKED),
        ):
            left.plot(epochs, [row[key] for row in history], color=colour, label=name)
        chance_line(left, 0.5, "coin")
        left.set(ylabel="right (share)", ylim=(0, 1.02))
        right.plot(epochs, [row["diversity"] for row in history], color=ATTACKED, label="fakes")
        chance_line(right, 1.0, "real images")
        right.set(ylabel="how much they differ", ylim=(0, 1.2))
        for axis in (left, right):
            axis.set_xlabel("epoch")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            for epoch in snapshots:
                axis.axvline(epoch, color=CHANCE, linewidth=0.8)
            axis.legend(frameon=False, fontsize=9, loc="lower center", bbox_to_anchor=(0.5, 1))
    return closed(figure)


def tuning(trials: list[dict], importances: dict[str, float]) -> Figure:
    """The score of every trial with the best so far, and what mattered for it."""
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8))
        numbers = np.array([trial["number"] + 1 for trial in trials])
        values = np.array([trial["value"] for trial in trials])
        done = np.array([trial["state"] == "COMPLETE" for trial in trials])
        left.plot(numbers[done], values[done], "o", color=CLEAN, label="trial")
        if not done.all():
            left.plot(numbers[~done], values[~done], "x", color=CHANCE, label="pruned")
        best = np.maximum.accumulate(np.where(done, values, -np.inf))
        left.step(numbers, best, where="post", color=ATTACKED, label="best so far")
        left.xaxis.set_major_locator(MaxNLocator(integer=True))
        left.set(xlabel="trial", ylabel="validation score")
        left.legend(frameon=False)
        _importances(right, importances)
    return closed(figure)


def _importances(axis, importances: dict[str, float]) -> None:
    if not importances:
        axis.text(0.5, 0.5, "importances need four\ndifferent scores", ha="center", va="center")
        return axis.set_axis_off()
    names = sorted(importances, key=importances.get)
    axis.barh(
        [readable(name) for name in names], [importances[name] for name in names], color=CLEAN
    )
    axis.set(xlabel="share of the differences explained", xlim=(0, 1))
