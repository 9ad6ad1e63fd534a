"""What an attack does: to images, to accuracy, and to where the model looks."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utils.data.formats.depth import WHITE
from utils.data.split import Split
from utils.evaluation.metrics import HEADLINE, score_of
from utils.evaluation.predictions import Predictions
from utils.figures.elements.charts import band
from utils.figures.elements.grid import grid_axes, hide_axes, image_grid, show_change, show_image
from utils.figures.elements.notebook_figure import house_style, panel, panels
from utils.figures.elements.style import (
    ATTACKED,
    CLEAN,
    DEFENDED,
    chance_line,
    name_lines,
    percent,
    readable,
    variant_colours,
)


@house_style
def perturbations(
    split: Split, changed: Mapping[str, np.ndarray], probabilities: Mapping[str, np.ndarray]
) -> Figure:
    """For each image and each change: image + change = input, and what the model makes of it.

    `changed` holds images in [0, 1], `probabilities` those of the classes, by the name of the
    change. One scale serves all changes. Blue where the model is right, orange where it is wrong.
    """
    clean = split.images.numpy() / WHITE[split.images.dtype]
    limit = max(np.abs(np.asarray(images) - clean).max() for images in changed.values())
    levels = max(1, round(255 * limit))
    order = [(image, name) for image in range(len(split)) for name in changed]
    figure, axes = panels(len(order), 4, 11.5, 2.45 * len(order), width_ratios=(1, 1, 1, 0.8))
    names = [readable(name) for name in split.class_names]
    for row, (image, name) in zip(axes, order, strict=True):
        after = np.asarray(changed[name][image])
        show_image(row[0], 255 * clean[image])
        show_change(row[1], 255 * (after - clean[image]), levels)
        show_image(row[2], 255 * after)
        row[0].set_title("image", fontsize=10)
        row[1].set_title(f"+ {name}, ±{levels} (× {round(127 / levels)})", fontsize=10)
        row[2].set_title("= input", fontsize=10)
        _probability_bars(row[3], probabilities[name][image], int(split.labels[image]), names)
    axes[-1, 3].set_xlabel("probability (%)")
    return figure


@house_style
def change_grid(
    before, after, predicted_before: Sequence[str], predicted_after: Sequence[str], magnify: int
) -> Figure:
    """Images before and after a change, which stands between them, magnified.

    Images are in [0, 1]. Orange is a prediction unlike the one before.
    """
    before, after = 255 * np.asarray(before), 255 * np.asarray(after)
    names = [[readable(name) for name in each] for each in (predicted_before, predicted_after)]
    titles = ("before", f"change × {magnify}", "after")
    figure = image_grid([before, [], after], titles, [""] * len(before), [names[0], [], names[1]])
    axes = grid_axes(figure, 3)
    for column, change in zip(axes.T, after - before, strict=True):
        show_change(column[1], change, 127 / magnify)
    for axis, *pair in zip(axes[2], *names, strict=True):
        axis.xaxis.label.set_color(CLEAN if pair[0] == pair[1] else ATTACKED)
    return figure


@house_style
def accuracy_by_epsilon(curves: Mapping[str, Mapping[float, Predictions]]) -> Figure:
    """Balanced accuracy against the size of the change, with 95 % intervals; epsilon 0 is clean.

    The first line is the widest, so that it can be seen below another that is equal to it.
    """
    figure, axis = panel(8.5, 3.8)
    widths = np.linspace(min(4, 1.5 * len(curves)), 1.5, len(curves))
    looks = zip(variant_colours(curves), widths, strict=True)
    for (name, by_size), (colour, width) in zip(curves.items(), looks, strict=True):
        sizes = np.array(sorted(by_size))
        rows = [score_of(by_size[size], HEADLINE) for size in sizes]
        band(axis, 255 * sizes, rows, colour, name, width)
    chance_line(axis, 1 / by_size[sizes[0]].classes, "constant answer")
    axis.set(xlabel="largest change of a pixel (grey levels of 255)", ylim=(0, 1.02))
    percent(axis.yaxis, HEADLINE)
    name_lines(axis)
    return figure


@house_style
def smallest_changes(
    distances: Mapping[str, np.ndarray], attacked: Mapping[str, Mapping[float, Predictions]]
) -> Figure:
    """Images that no change of a size fools: lines from the smallest change of each image.

    Dots with 95 % intervals are what an attack of that size has left; none may lie below its line
    if the search for the smallest changes found what the attack found.
    """
    figure, axis = panel(8.5, 3.6)
    largest = max(max(by_size) for by_size in attacked.values())
    sizes = np.linspace(0, largest, 200)
    for (name, far), colour in zip(distances.items(), variant_colours(distances), strict=True):
        left = (np.asarray(far)[None] > sizes[:, None]).mean(1)
        axis.plot(255 * sizes, left, color=colour, label=name)
        dots = np.array([score_of(found) for found in attacked[name].values()], float)
        value, low, high = dots.T
        axis.errorbar(
            255 * np.array(list(attacked[name])), value, [value - low, high - value], fmt="o",
            color=colour, markersize=5, elinewidth=1,
        )  # fmt: skip
    axis.set(xlabel="largest change of a pixel (grey levels of 255)", ylim=(-0.02, 1.02))
    percent(axis.yaxis, "images still right")
    name_lines(axis)
    return figure


@house_style
def loss_surface(steps: Sequence[float], losses: np.ndarray, wrong: np.ndarray) -> Figure:
    """The loss around one image: to the right along the step of FGSM, upwards along random signs.

    `steps` are in epsilon, `losses` and `wrong` have a row for each random step. Beyond the orange
    line the prediction is wrong. In the diamond no pixel moves by more than epsilon.
    """
    figure, axis = panel(6.5, 4)
    filled = axis.contourf(steps, steps, losses, levels=16, cmap="Greys")
    figure.colorbar(filled, label="loss")
    wrong = np.asarray(wrong, float)
    if 0 < wrong.mean() < 1:
        axis.contour(steps, steps, wrong, levels=[0.5], colors=[ATTACKED], linewidths=2)
    axis.plot([1, 0, -1, 0, 1], [0, 1, 0, -1, 0], "--", color=CLEAN, linewidth=1.2)
    for place, name in ((0, "image"), (1, "FGSM")):
        axis.plot(place, 0, "o", color=CLEAN)
        axis.annotate(name, (place, 0), (6, 6), textcoords="offset points", color=CLEAN)
    axis.set(xlabel="along the step of FGSM (epsilon)", ylabel="along random signs (epsilon)")
    axis.set_aspect("equal")
    return figure


@house_style
def heatmap_grid(
    images, masks, maps: Mapping[str, np.ndarray], captions: Mapping[str, list]
) -> Figure:
    """The images, then heat maps over them, a row per model or condition; there the finding is
    outlined."""
    empty = {name: [not each.any() for each in heat] for name, heat in maps.items()}
    texts = [
        [
            text + "\n(no heat)" * none
            for text, none in zip(captions[name], empty[name], strict=True)
        ]
        for name in maps
    ]
    figure = image_grid([images] * (1 + len(maps)), ["image", *maps], captions=[[], *texts])
    axes = grid_axes(figure, 1 + len(maps))
    for row, heats in zip(axes[1:], maps.values(), strict=True):
        for axis, heat in zip(row, heats, strict=True):
            if heat.any():  # an empty map is reported, not drawn
                axis.imshow(heat, cmap="inferno", alpha=0.55, vmin=0, vmax=1)
    for column, mask in zip(axes.T, () if masks is None else masks, strict=False):
        for axis in column[1:] if mask.any() else ():  # the image itself stays free
            axis.contour(mask, [0.5], colors=DEFENDED, linewidths=0.9)
    return figure


@house_style
def sensitivities(
    maps: Mapping[str, np.ndarray], limit: float = 3, halves: Sequence[np.ndarray] = ()
) -> Figure:
    """How strongly each pixel or patch moves the loss of each model; 1 is the average.

    Above each map but the first: its correlation with the first. Above the first: that of its
    maps of two `halves` of the images, which is as alike as other images leave one model.
    """
    first = next(iter(maps.values()))
    figure, axes = panels(1, len(maps), 2.6 * len(maps) + 1, 3.1)
    for axis, (name, heat) in zip(axes[0], maps.items(), strict=True):
        shown = axis.imshow(heat, cmap="magma", vmin=0, vmax=limit, interpolation="none")
        alike = f"\ncorrelation with the first: {_correlation(first, heat):.2f}"
        if heat is first:
            alike = f"\ntwo halves of the images: {_correlation(*halves):.2f}" if halves else ""
        axis.set_title(name + alike, fontsize=10)
        hide_axes(axis)
    bar = figure.colorbar(shown, ax=axes, shrink=0.8, extend="max")
    bar.set_label("average = 1", fontsize=9)
    return figure


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    return np.corrcoef(np.ravel(first), np.ravel(second))[0, 1]


def _probability_bars(axis: Axes, shares: np.ndarray, label: int, names: Sequence[str]) -> None:
    predicted = int(shares.argmax())
    colours = ["#BBBBBB"] * len(names)
    colours[label] = CLEAN
    colours[predicted] = outcome = CLEAN if predicted == label else ATTACKED
    axis.barh(names, 100 * shares, color=colours)
    axis.invert_yaxis()
    axis.set(xlim=(0, 100), xticks=(0, 50, 100))
    verdict = "still right" if predicted == label else "wrong"
    axis.set_title(f"{verdict}: {100 * shares[predicted]:.0f} %", color=outcome, fontsize=10)
