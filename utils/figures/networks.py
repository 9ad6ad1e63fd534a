"""Networks: what training, size and cost are worth, in pairs and over the epochs."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import Predictions, pool_trainings
from utils.figures.elements.charts import forest
from utils.figures.elements.notebook_figure import house_style, panels
from utils.figures.elements.style import (
    CHANCE,
    CLEAN,
    CONTROL,
    DEFENDED,
    KNOWN,
    OTHERS,
    chance_line,
    name_lines,
    percent,
)
from utils.training.loop import best_epoch

KNOBS = {"layers": CLEAN, "channels": OTHERS[0], "pixels": DEFENDED}
POINTS = {"textcoords": "offset points", "annotation_clip": False}
NAMES = {"layers": "depth", "channels": "width", "pixels": "resolution"}


@house_style
def paired_trainings(
    sides: Mapping[str, Sequence[Predictions]], difference: Interval, margin: float, score: str
) -> Figure:
    """A score of a control and of a method, a line per pair of trainings; beside it what is gained.

    `difference` is method minus control; `margin` is the gain that was claimed.
    """
    figure, [axes] = panels(1, 2, 9, 3.1, sharey=True, width_ratios=(3, 2))
    single = np.array([[score_of(one, score).value for one in side] for side in sides.values()])
    usual = zip(sides, (CONTROL, CLEAN), strict=True)
    colours = [KNOWN.get(name.split()[0], colour) for name, colour in usual]
    for place, pair in enumerate(single.T, 1):
        axes[0].plot(pair, [place, place], color="#D9D9D9", linewidth=5, zorder=0)
    for (name, side), scores, colour in zip(sides.items(), single, colours, strict=True):
        mean = score_of(pool_trainings(side), score)
        axes[0].plot(scores, range(1, len(scores) + 1), "o", color=colour, markersize=6, alpha=0.6)
        _stated(axes[0], mean, colour, f"{100 * mean.value:.0f}")
        axes[0].text(mean.value, -0.85, name, color=colour, ha="center", weight="bold")
    classes = len(next(iter(sides.values()))[0].class_names)
    _vertical(axes[0], 1 / classes, "constant answer")
    gains, rows = single[1] - single[0], range(1, single.shape[1] + 1)
    axes[1].plot(gains, rows, "o", color=colours[1], alpha=0.6)
    _stated(axes[1], difference, colours[1], f"{100 * difference.value:+.0f}")
    axes[1].axvline(0, color="black", linewidth=0.8)
    _vertical(axes[1], margin, "margin")
    names = ["all trainings", *(f"training {n}" for n in rows)]
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.4, -1.3)
    axes[0].margins(x=0.12)
    axes[1].set_xlim(min(-0.02, axes[1].get_xlim()[0]))
    axes[1].tick_params(left=False)
    percent(axes[0].xaxis, score)
    percent(axes[1].xaxis, "gain")
    axes[1].set_xlabel("gain (points)")
    return figure


@house_style
def compound_scaling(
    sizes: pd.DataFrame, base: str, growth: Mapping[str, float], others: Sequence[str] = ()
) -> Figure:
    """How depth, width and resolution grow with the work of a network, and its weights with them.

    A row of `sizes` is a network, as `network_size` describes it. Lines are the formula: from
    `base`, each step multiplies layers, channels and pixels by their `growth`. `others` are not of
    the family: only their weights are drawn.
    """
    work, start = sizes["multiply-adds"] / 1e9, sizes.loc[base]
    reach = np.array([work.min() / 1.4, work.max() * 1.4])
    doubling = growth["layers"] * growth["channels"] ** 2 * growth["pixels"] ** 2
    steps = np.log(reach / work[base]) / np.log(doubling)
    figure, axes = panels(1, 2, 10, 3.9)
    left, right = axes[0]
    family = sizes.drop(index=list(others))
    for shift, (knob, colour) in enumerate(KNOBS.items()):
        line = growth[knob] ** steps
        left.plot(reach, line, color=colour, linewidth=1.5)
        left.plot(work[family.index], family[knob] / start[knob], "osD"[shift], color=colour)
        left.annotate(NAMES[knob], (reach[1], line[1]), (5, 0), **POINTS, va="center", color=colour)
    for name in family.index:
        left.axvline(work[name], color=CHANCE, linewidth=0.5, alpha=0.5, zorder=0)
        left.text(work[name], 1.02, name, transform=left.get_xaxis_transform(), ha="center", size=9)
    weights = start["weights"] / 1e6 * (growth["layers"] * growth["channels"] ** 2) ** steps
    right.plot(reach, weights, color="black", linewidth=1.2)
    right.annotate("the formula", (reach.prod() ** 0.5, weights.prod() ** 0.5), (4, -16), **POINTS)
    for name in sizes.index:
        _named_dot(right, work[name], sizes["weights"][name] / 1e6, name, name in family.index)
    _logarithmic(left, f"times as much as {base}")
    _logarithmic(right, "weights (millions)")
    return figure


@house_style
def curves_by_cost(
    histories: Mapping[str, list[dict]],
    passes: Mapping[str, Sequence[int]],
    colours: Sequence[str],
    constant: float,
) -> Figure:
    """Validation of each training by what it has cost: loss on clean images, accuracy on clean
    images, accuracy on attacked ones.

    `passes` are the passes per training image up to the end of each epoch. A training that was
    never attacked has no line on the right. A larger dot marks the epoch in use.
    """
    figure, [axes] = panels(1, 3, 13, 3.3)
    for (name, history), colour in zip(histories.items(), colours, strict=True):
        line = ":" if colour in colours[: list(histories).index(name)] else "-"
        best = history.index(best_epoch(history))
        loss, clean = ([row[f"validation_{of}"] for row in history] for of in ("loss", "accuracy"))
        attacked = [row.get("attacked", row["score"]) for row in history if "one_step" in row]
        for axis, values in zip(axes, (loss, clean, attacked), strict=True):
            if values:
                axis.plot(passes[name], values, "." + line, color=colour, label=name)
                axis.plot(passes[name][best], values[best], "o", color=colour, markersize=8)
    for axis, title in zip(axes, ("clean images", "clean images", "attacked images"), strict=True):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set(title=title, xlabel="passes per training image", ylabel="validation loss")
    for axis in axes[1:]:
        chance_line(axis, constant, "constant answer")
        axis.set_ylim(0, 1.02)
        percent(axis.yaxis, "validation accuracy")
    for axis in axes:
        name_lines(axis)
    return figure


def _stated(axis: Axes, interval: Interval, colour: str, text: str) -> None:
    """The mean of all trainings in the first row, with its interval and its number."""
    forest(axis, [interval], colour)
    axis.text(interval.value, -0.28, text, color=colour, ha="center")


def _vertical(axis: Axes, place: float, name: str) -> None:
    """A dotted line with its name at the lower end."""
    axis.axvline(place, color=CHANCE, linestyle=":")
    axis.annotate(
        name, (place, 0), (4, 4), ("data", "axes fraction"), "offset points", color=CHANCE, size=9
    )


def _named_dot(axis: Axes, x: float, y: float, name: str, member: bool) -> None:
    """Members of the family are named above the line, others below it."""
    colour, place, side = (CLEAN, (-7, 3), "right") if member else (CONTROL, (7, -9), "left")
    axis.plot(x, y, "o", color=colour)
    axis.annotate(name, (x, y), place, **POINTS, ha=side, size=9)


def _logarithmic(axis: Axes, label: str) -> None:
    axis.set(xscale="log", yscale="log", xlabel="multiply-adds of one image (billions)")
    axis.set_ylabel(label)
    for each, digits in ((axis.xaxis, (1, 2, 5)), (axis.yaxis, (1, 1.5, 2, 3, 5, 7))):
        each.set_major_locator(LogLocator(subs=digits, numticks=20))
        each.set_major_formatter(StrMethodFormatter("{x:g}"))
        each.set_minor_locator(NullLocator())
