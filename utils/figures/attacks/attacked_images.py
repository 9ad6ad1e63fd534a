"""Images as an attack leaves them, what it has changed, and what the model predicts."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utils.data.formats.depth import WHITE
from utils.data.split import Split
from utils.figures.elements.grid import grid_axes, image_grid, show_change, show_image
from utils.figures.elements.notebook_figure import house_style, panels
from utils.figures.elements.style import (
    ATTACKED,
    CLEAN,
    readable,
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
def attack_gallery(
    image, attacked: Mapping[str, np.ndarray], predicted: Sequence[str], magnify: int
) -> Figure:
    """One image as several attackers leave it, and below what each has changed, magnified.

    The first of `attacked` is the image itself; orange names a prediction unlike the first.
    """
    shown = [255 * np.asarray(each) for each in attacked.values()]
    rows, names = [shown, [None] * len(shown)], [readable(name) for name in predicted]
    figure = image_grid(rows, ["", f"change × {magnify}"], list(attacked), [names])
    pictures, changes = grid_axes(figure, 2)
    for above, below, after, name in zip(pictures, changes, shown, names, strict=True):
        show_change(below, after - shown[0], 127 / magnify)
        above.xaxis.label.set_color(CLEAN if name == names[0] else ATTACKED)
    return figure


@house_style
def patch_gallery(
    squares: Sequence, images: Mapping[str, Sequence], predicted: Mapping[str, Sequence[str]]
) -> Figure:
    """Patients in columns, a row for each square that is stuck on them; the square stands first.

    The first row has no square: its `squares` entry is None. Orange is a prediction unlike the
    one above it in the first row.
    """
    rows = [[square, *shown] for square, shown in zip(squares, images.values(), strict=True)]
    rows = [[None if each is None else 255 * np.asarray(each) for each in row] for row in rows]
    names = [["", *map(readable, each)] for each in predicted.values()]
    figure = image_grid(rows, list(images), ["the square"], names)
    for row, captions in zip(grid_axes(figure, len(rows)), names, strict=True):
        for axis, name, usual in zip(row, captions, names[0], strict=True):
            axis.xaxis.label.set_color(CLEAN if name == usual else ATTACKED)
    return figure


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
