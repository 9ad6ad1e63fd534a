"""What an attack does: to the verdicts, to the pictures, to where the model looks."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from utils.evaluation.conditions import CLEAN as CLEAN_IMAGES
from utils.evaluation.conditions import Condition, by_variant_and_condition, ordered_conditions
from utils.evaluation.metrics import drops, majority_share, score_of
from utils.evaluation.predictions import Predictions
from utils.figures.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    DEFENDED,
    STYLE,
    blank,
    chance_line,
    closed,
    picture,
    readable,
    variant_colours,
)


def confusions(by_condition: Mapping[str, Predictions]) -> Figure:
    """Confusion matrices side by side: images counted, shaded by the share of the true class."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(by_condition), figsize=(2.5 * len(by_condition) + 2, 3.6), squeeze=False
        )
        for axis, (name, predictions) in zip(axes[0], by_condition.items(), strict=True):
            confusion(axis, predictions)
            axis.set_title(f"{readable(name)}: {predictions.accuracy:.1%}", fontsize=11)
        for axis in axes[0, 1:]:
            axis.set_yticklabels([])
        axes[0, 0].set_ylabel("true class")
    return closed(figure)


def confusions_by_variant(by_variant: Mapping[str, Mapping[Condition, Predictions]]) -> Figure:
    """Confusion matrices of one run: a column per variant, a row per condition."""
    by_variant = by_variant_and_condition(by_variant)
    conditions = ordered_conditions(name for answers in by_variant.values() for name in answers)
    shape = (len(conditions), len(by_variant))
    with plt.rc_context(STYLE):
        size = (2.3 * shape[1] + 2, 2.3 * shape[0] + 1.3)
        figure, axes = plt.subplots(*shape, figsize=size, squeeze=False)
        for column, (variant, answers) in enumerate(by_variant.items()):
            for axis, name in zip(axes[:, column], conditions, strict=True):
                if name not in answers:
                    axis.set_axis_off()
                    continue
                confusion(axis, answers[name])
                title = f"{variant}\n{readable(name)}: {answers[name].accuracy:.1%}"
                axis.set_title(title, fontsize=10)
        for axis, below in zip(axes[:-1].flat, axes[1:].flat, strict=True):
            if below.axison:
                axis.set(xticklabels=[], xlabel="")
        for axis in axes[:, 1:].flat:
            axis.set_yticklabels([])
        for axis in axes[:, 0]:
            axis.set_ylabel("true class")
    return closed(figure)


def confusion(axis, predictions: Predictions) -> None:
    """One matrix, with the class names from the data."""
    counts = predictions.confusion
    shares = counts / counts.sum(1, keepdims=True).clip(1)
    axis.imshow(shares, vmin=0, vmax=1, cmap="Blues")  # seaborn's heatmap draws every figure anew
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share > 0.5 else "0.15"
        axis.text(column, row, f"{counts[row, column]:.0f}", color=colour, ha="center", va="center")
    names = [readable(name) for name in predictions.class_names]
    axis.set_xticks(range(len(names)), names, rotation=35, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_xlabel("predicted class")


def perturbations(clean, attacked, before, after, magnify: int) -> Figure:
    """Above the clean images, in the middle what was added (magnified), below the sums.

    `clean` and `attacked` are in [0, 1]; `before` and `after` hold one verdict per image.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            3, len(clean), figsize=(1.45 * len(clean) + 1, 5.0), squeeze=False
        )
        change = 0.5 + magnify * (np.asarray(attacked) - np.asarray(clean))
        rows = (
            ("clean", clean, before, CLEAN),
            (f"change × {magnify}", change.clip(0, 1), None, "black"),
            ("attacked", attacked, after, ATTACKED),
        )
        for row, (name, shown, verdicts, colour) in zip(axes, rows, strict=True):
            row[0].set_ylabel(name, color=colour, rotation=0, ha="right", va="center")
            for number, axis in enumerate(row):
                picture(axis, 255 * np.asarray(shown[number]))
                if verdicts is not None:
                    axis.set_xlabel(readable(verdicts[number]), color=colour, fontsize=9)
    return closed(figure)


def accuracy_by_epsilon(curves: Mapping[str, Mapping[float, Predictions]]) -> Figure:
    """Accuracy against the size of the change, with 95 % intervals; epsilon 0 is clean."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.5, 3.6))
        for (name, by_size), colour in zip(curves.items(), variant_colours(curves), strict=False):
            sizes = np.array(sorted(by_size))
            rows = [score_of(by_size[size]) for size in sizes]
            value, low, high = np.array(rows, dtype=float).T
            axis.plot(255 * sizes, value, "o-", color=colour, label=name, markersize=4)
            axis.fill_between(255 * sizes, low, high, color=colour, alpha=0.15, linewidth=0)
            chance = majority_share(by_size[sizes[0]].labels)
        chance_line(axis, chance, "majority class")
        axis.set(xlabel="largest change of a pixel (grey levels of 255)", ylabel="accuracy")
        axis.set_ylim(0, 1.02)
        axis.legend(frameon=False, fontsize=9)
    return closed(figure)


def heatmap_grid(
    images, masks, maps: Mapping[str, np.ndarray], captions: Mapping[str, list]
) -> Figure:
    """Heat maps over the images, a row per model or condition; the finding is outlined."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1 + len(maps),
            len(images),
            figsize=(1.45 * len(images) + 1.3, 1.6 * (1 + len(maps))),
            squeeze=False,
        )
        for column, image in enumerate(images):
            picture(axes[0, column], image)
            for (name, heat), axis in zip(maps.items(), axes[1:, column], strict=True):
                picture(axis, image)
                if there := heat[column].any():  # a map without heat is reported, not drawn
                    axis.imshow(heat[column], cmap="inferno", alpha=0.55, vmin=0, vmax=1)
                caption = captions[name][column] + ("" if there else "\n(no heat)")
                axis.set_xlabel(caption, fontsize=9)
            for axis in axes[:, column] if masks is not None and masks[column].any() else ():
                axis.contour(masks[column], [0.5], colors=DEFENDED, linewidths=0.9)
        for axis, name in zip(axes[:, 0], ("image", *maps), strict=True):
            axis.set_ylabel(name, rotation=0, ha="right", va="center")
    return closed(figure)


def sensitivities(maps: Mapping[str, np.ndarray], limit: float = 3) -> Figure:
    """How strongly each place moves the loss of each model; 1 is the average place.

    Above each picture but the first, how alike the two are: the correlation of their places.
    """
    first = next(iter(maps.values()))
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(maps), figsize=(2.6 * len(maps) + 1, 3.1), squeeze=False)
        for axis, (name, heat) in zip(axes[0], maps.items(), strict=True):
            shown = axis.imshow(heat, cmap="magma", vmin=0, vmax=limit, interpolation="nearest")
            alike = np.corrcoef(np.ravel(first), np.ravel(heat))[0, 1]
            title = name if heat is first else f"{name}\nlike the first: {alike:.2f}"
            axis.set_title(title, fontsize=11)
            blank(axis)
        bar = figure.colorbar(shown, ax=axes, shrink=0.8, extend="max")
        bar.set_label("average place = 1", fontsize=9)
    return closed(figure)


def drop_dots(
    axis, by_variant: Mapping[str, Mapping[Condition, Predictions]], colours: Mapping[str, str]
):
    """A line per condition, on it the combined drop of each variant that met it."""
    by_variant = by_variant_and_condition(by_variant)
    asked = ordered_conditions(name for found in by_variant.values() for name in found)
    conditions = [name for name in asked if name != CLEAN_IMAGES]
    shifts = np.linspace(-0.2, 0.2, len(by_variant)) if len(by_variant) > 1 else [0]
    for (variant, found), shift in zip(by_variant.items(), shifts, strict=True):
        met = [name for name in conditions if name in found]
        rows = [drops(found[CLEAN_IMAGES], found[name]).loc["combined"] for name in met]
        value, low, high = np.array(rows, dtype=float).reshape(-1, 3).T
        places, error = (
            [conditions.index(name) + shift for name in met],
            [value - low, high - value],
        )
        axis.errorbar(
            value, places, xerr=error, fmt="o", markersize=4, color=colours[variant], label=variant
        )
    axis.axvline(0, color=CHANCE, linestyle=":")
    axis.set_yticks(range(len(conditions)), [readable(name) for name in conditions])
    axis.invert_yaxis()
