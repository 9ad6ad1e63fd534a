"""Where a model looks, how strongly each pixel counts, and the loss around an image."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from utils.figures.elements.grid import grid_axes, hide_axes, image_grid
from utils.figures.elements.notebook_figure import house_style, panel, panels
from utils.figures.elements.style import (
    ATTACKED,
    CLEAN,
    DEFENDED,
)


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
