"""Which kinds of contamination are detected, and what the most suspicious images look like."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from utils.evaluation.intervals import Interval
from utils.figures.charts import name_rows
from utils.figures.grid import image_grid
from utils.figures.notebook_figure import house_style, panel, panels
from utils.figures.style import (
    ATTACKED,
    CHANCE,
    CONTROL,
    DEFENDED,
    name_lines,
    percent,
)

KINDS = {  # colours
    "noise": CONTROL,
    "label error": "#E69F00",
    "poison": "#CC79A7",
    "adversarial": ATTACKED,
}
UNNAMED = ("#000000", DEFENDED, "#56B4E9", "#8C6D31")  # for any other kind


@house_style
def roc_by_kind(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]], false_positive_rate: float
) -> Figure:
    """True positive rate against false positive rate, by kind of contamination.

    Each curve is made from scores and whether the image is contaminated. The axis is logarithmic:
    what counts is on the left, where few clean images are flagged. A vertical line marks
    `false_positive_rate`.
    """
    figure, axis = panel(8.5, 3.8)
    clean = max(np.sum(~np.asarray(truth, bool)) for _, truth in curves.values())
    least = min(0.5 / clean, false_positive_rate / 2)  # a logarithmic axis has no zero
    widths = np.linspace(5, 1.5, len(curves))  # curves that coincide all show
    others = cycle(UNNAMED)
    for (name, (scores, truth)), width in zip(curves.items(), widths, strict=True):
        false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
        colour = KINDS.get(name) or next(others)
        axis.step(false.clip(least), true, where="post", linewidth=width, label=name, color=colour)
    share = np.geomspace(least, 1, 200)
    axis.plot(share, share, color=CHANCE, linestyle=":", label="chance")
    axis.axvline(false_positive_rate, color=CHANCE, linewidth=0.8)
    mark = {"color": CHANCE, "ha": "center", "fontsize": 9}
    axis.text(false_positive_rate, 1.04, f"{100 * false_positive_rate:g} %", **mark)
    axis.set(xscale="log", xlim=(least, 1), ylim=(0, 1.02))
    percent(axis.xaxis, "false positive rate")
    percent(axis.yaxis, "true positive rate")
    name_lines(axis)
    return figure


def contact_sheet(images: Sequence, captions: Sequence[str], columns: int = 6) -> Figure:
    """Images in the order given, each over its caption."""
    starts = range(0, max(1, len(images)), columns)
    rows = [images[start : start + columns] for start in starts]
    below = [captions[start : start + columns] for start in starts]
    return image_grid(rows, (), [""] * columns, below)


@house_style
def score_panels(
    panels_of: Mapping[str, Mapping[str, Interval]],
    colours: Mapping[str, str] | None = None,
    chance: Mapping[str, float] | None = None,
) -> Figure:
    """A bar with its interval and its number for each row, in a panel per score.

    `colours` are those of rows; `chance` is a dotted line in a panel.
    """
    rows = list(next(iter(panels_of.values())))
    size = 2.9 * len(panels_of) + 1.6, 0.36 * len(rows) + 1.0
    figure, [axes] = panels(1, len(panels_of), *size, sharey=True)
    shades = [(colours or {}).get(row, CONTROL) for row in rows]
    for axis, (name, found) in zip(axes, panels_of.items(), strict=True):
        values, low, high = np.array([found[row] for row in rows], float).T
        axis.barh(range(len(rows)), values, 0.62, color=shades)
        axis.hlines(range(len(rows)), low, high, color="black", linewidth=1.1)
        for place, (value, end) in enumerate(zip(values, high, strict=True)):
            text, offset = f"{100 * value:.0f}", (4, 0)
            axis.annotate(
                text, (end, place), offset, textcoords="offset points", va="center", fontsize=9
            )
        if name in (chance or {}):
            axis.axvline(chance[name], color=CHANCE, linestyle=":")
        axis.set(xlim=(0, 1.12), xticks=(0, 0.5, 1))
        percent(axis.xaxis, name)
    name_rows(axes[0], rows)
    return figure
