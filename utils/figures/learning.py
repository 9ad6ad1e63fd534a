"""How a model was found: tuning trials, loss and accuracy over the epochs."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from utils.figures.style import ATTACKED, CHANCE, CLEAN, STYLE, chance_line, closed, readable
from utils.training import best_epoch

__all__ = ["curves", "tuning"]


def curves(
    history: list[dict], chance: float, score: str = "validation score", title: str = ""
) -> Figure:
    """Loss on the left, accuracy and the score that picks the best epoch on the right."""
    epochs = [row["epoch"] + 1 for row in history]
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
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
        if "one_step" in history[0]:
            beside = [row["one_step"] for row in history]
            right.plot(epochs, beside, ":", color=ATTACKED, label="one step")
        best = best_epoch(history)
        right.plot(epochs, scores, color=ATTACKED, label=score)
        right.plot(best["epoch"] + 1, best["score"], "o", color=ATTACKED, label="kept")
        chance_line(right, chance, "majority class")
        left.set_ylabel("loss")
        right.set(ylabel="accuracy", ylim=(0, 1.02))
        left.legend(frameon=False)
        right.legend(frameon=False, fontsize=9, ncols=2, loc="lower right")
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
