"""A head with fixed directions: its simplex, the features around it, and what it gains."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utils.evaluation.intervals import Interval
from utils.figures.elements.notebook_figure import house_style, panel, panels
from utils.figures.elements.style import (
    CLEAN,
    CONTROL,
    DEFENDED,
    OTHERS,
    name_lines,
    readable,
)

TRIANGLE = np.array([[0, 1], [-(0.75**0.5), -0.5], [0.75**0.5, -0.5]])  # corners, 120° apart
TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 3**0.5
VIEW = np.array([[0.94, -0.34, 0.0], [-0.12, -0.32, 0.94]])  # where the eye stands
ANGLES = {2: "180°", 3: "120°", 4: "109.5°"}
OF_CLASS = (CLEAN, OTHERS[0], OTHERS[2])


@house_style
def simplexes() -> Figure:
    """Two, three and four directions that are as far apart as they can be."""
    figure, [axes] = panels(1, 3, 8, 2.3)
    corners = {2: np.array([[-1, 0], [1, 0]]), 3: TRIANGLE, 4: TETRAHEDRON @ VIEW.T}
    for axis, (classes, places) in zip(axes, corners.items(), strict=True):
        for one in range(classes):
            for other in range(one):
                axis.plot(*places[[one, other]].T, ":", color=CONTROL, linewidth=1)
            _arrow(axis, places[one], CLEAN)
        axis.set_title(f"{classes} classes: {ANGLES[classes]}", fontsize=11)
        _square(axis, 1.15)
    return figure


@house_style
def features_on_simplex(
    places: Mapping[str, np.ndarray], labels: np.ndarray, names: Sequence[str]
) -> Figure:
    """Where the images of three classes lie between the directions of these three, for each head.

    `places` are (images, 2); a feature that points along its direction lies at the tip of its
    arrow. `labels` are 0, 1 and 2, from the commonest class to the rarest.
    """
    figure, [axes] = panels(1, len(places), 4.8 * len(places), 3.4)
    for axis, (title, found) in zip(axes, places.items(), strict=True):
        for label, colour in enumerate(OF_CLASS):
            axis.plot([0, -0.62 * TRIANGLE[label, 0]], [0, -0.62 * TRIANGLE[label, 1]], ":",
                      color=CONTROL, linewidth=1)  # fmt: skip
            mine = found[labels == label]
            axis.plot(*mine.T, "o", color=colour, markersize=3.5, alpha=0.55, markeredgewidth=0)
        for label, colour in enumerate(OF_CLASS):
            _arrow(axis, TRIANGLE[label], colour)
            side = ("center", "right", "left")[label]
            axis.text(*(1.1 * TRIANGLE[label]), names[label], color=colour, ha=side, va="bottom",
                      weight="bold")  # fmt: skip
        axis.set_title(readable(title), fontsize=11, pad=12)
        _square(axis, 1.2, 1.9)
    return figure


@house_style
def gains_by_imbalance(
    gains: Mapping[str, Mapping[float, Interval]],
    single: Mapping[str, Mapping[float, Sequence[float]]],
    score: str,
) -> Figure:
    """What is gained at each imbalance: a dot with its interval, a pale dot for each training.

    All numbers are shares; the axis reads points. Above the line at zero there is a gain.
    """
    figure, axis = panel(8, 3.4)
    for number, ((name, found), colour) in enumerate(
        zip(gains.items(), (DEFENDED, CLEAN, OTHERS[0]), strict=False)
    ):
        ratios = np.array(list(found), float)
        moved = ratios * 1.05 ** (number - (len(gains) - 1) / 2)  # side by side, not on each other
        value, low, high = 100 * np.array(list(found.values())).T
        axis.plot(moved, value, "o-", color=colour, label=name, markersize=7)
        axis.vlines(moved, low, high, color=colour, linewidth=1.8)
        for place, ratio in zip(moved, found, strict=True):
            points = 100 * np.asarray(single[name][ratio])
            axis.plot(np.full(len(points), place), points, "o", color=colour, alpha=0.3, ms=4)
    axis.axhline(0, color="black", linewidth=0.8)
    axis.set_xscale("log")
    axis.set_xticks(ratios, [f"{ratio:g} : 1" for ratio in ratios])
    axis.minorticks_off()
    axis.set(xlabel="patients of the commonest class : of the rarest")
    axis.set_ylabel(f"gain in {score} (points)")
    name_lines(axis)
    return figure


def _arrow(axis: Axes, tip: np.ndarray, colour: str) -> None:
    axis.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.8})


def _square(axis: Axes, reach: float, aside: float = 0.0) -> None:
    """Equal units up and across, with more room for names at the sides if wanted."""
    aside = aside or reach
    axis.set_axis_off()
    axis.set(xlim=(-aside, aside), ylim=(-reach, reach), aspect="equal")
