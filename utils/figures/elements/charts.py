"""The charts that many figures are made of: a matrix in colours, dots with intervals, a band."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utils.figures.elements.notebook_figure import house_style, panel
from utils.figures.elements.style import (
    CHANCE,
    readable,
)

NO_MODEL = "No model without a red flag was attacked."


def heat_map(
    axis: Axes,
    table,
    rows: Iterable[str] = (),
    columns: Iterable[str] = (),
    limits: tuple[float, float] = (0, 100),
    label: str = "",
    texts=None,
    cmap="Blues",
    **options,
) -> None:
    """A matrix in colours with a number in each cell, whole unless `texts` says another one.

    Missing values stay empty. With a `label` there is a colour bar.
    """
    import seaborn  # here: it takes a second, and most chapters draw no matrix

    seaborn.heatmap(
        np.asarray(table, float), vmin=limits[0], vmax=limits[1], cmap=cmap, linewidths=1, ax=axis,
        annot=True if texts is None else np.asarray(texts), fmt=".0f" if texts is None else "",
        xticklabels=[readable(name) for name in columns] or False,
        yticklabels=[readable(name) for name in rows] or False,
        cbar=bool(label), cbar_kws={"label": label, "pad": 0.02} if label else None, **options,
    )  # fmt: skip
    axis.tick_params(length=0, rotation=0)


def slant_names(axis: Axes) -> None:
    """The names below a matrix, slanted so that long ones fit."""
    for name in axis.get_xticklabels():
        name.set(rotation=35, ha="right", rotation_mode="anchor")


def forest(
    axis: Axes,
    rows: Sequence[Sequence[float]],
    colours: Sequence[str] | str,
    chance: float | None = None,
    places: Sequence[float] | None = None,
    label: str | None = None,
) -> None:
    """A dot with its interval for each row (value, low, high), the first on top.

    `chance` is marked by a dotted line. `places` are heights, 0, 1, 2 ... unless given.
    """
    places = range(len(rows)) if places is None else places
    colours = [colours] * len(rows) if isinstance(colours, str) else colours
    for (value, low, high), place, colour in zip(rows, places, colours, strict=True):
        axis.plot([low, high], [place, place], color=colour, linewidth=1.8)
        axis.plot(value, place, "o", color=colour, markersize=6, label=label)
        label = None
    if chance is not None:
        axis.axvline(chance, color=CHANCE, linestyle=":", label="constant answer")


def band(
    axis: Axes,
    places: Sequence[float],
    rows: Sequence[Sequence[float]],
    colour: str,
    label: str,
    width: float = 1.5,
) -> None:
    """A line through a row (value, low, high) at each place, in the band of its intervals."""
    value, low, high = np.array(rows, dtype=float).T
    look = {"color": colour, "linewidth": width, "markersize": 1 + 2 * width}
    axis.plot(places, value, "o-", label=label, **look)
    axis.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)


def name_rows(axis: Axes, names: Iterable[str]) -> None:
    """The names of a forest's rows, read from the top."""
    names = [readable(name) for name in names]
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)


@house_style
def nothing(reason: str = NO_MODEL) -> Figure:
    """A line of text in place of a figure without data."""
    figure, axis = panel(8, 0.5)
    axis.set_axis_off()
    axis.text(0, 0.5, reason, color=CHANCE, va="center")
    return figure
