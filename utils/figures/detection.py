"""Which contamination is detected, the most suspicious images, and what repairs bring."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from utils.evaluation.intervals import Interval
from utils.figures.charts import forest, heat_map, name_rows
from utils.figures.grid import image_grid
from utils.figures.notebook_figure import house_style, panel, panels
from utils.figures.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    CONTROL,
    DEFENDED,
    name_lines,
    percent,
    readable,
    variant_colours,
)

KINDS = {  # colours
    "noise": CONTROL,
    "label error": "#E69F00",
    "poison": "#CC79A7",
    "adversarial": ATTACKED,
}
UNNAMED = ("#000000", DEFENDED, "#56B4E9", "#8C6D31")  # for any other kind
ROW = 0.42  # inches
SIDES = (ATTACKED, DEFENDED, CLEAN)


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
def power_by_frequency(spectra: Mapping[str, np.ndarray]) -> Figure:
    """The mean logarithm of the power at each frequency; bands hold nine images in ten.

    Real images come first.
    """
    figure, axis = panel(8.5, 3.4)
    for (name, rows), colour in zip(spectra.items(), (CLEAN, ATTACKED, "#E69F00"), strict=False):
        waves = np.arange(1, rows.shape[1] + 1)
        low, high = np.quantile(rows, (0.05, 0.95), axis=0)
        axis.plot(waves, rows.mean(0), color=colour, label=name)
        axis.fill_between(waves, low, high, color=colour, alpha=0.15, linewidth=0)
    axis.set(xlabel="waves across the image", ylabel="power (logarithm)")
    name_lines(axis)
    return figure


@house_style
def estimated_shares(rows: Mapping[str, Sequence[float]], truth: Mapping[str, float]) -> Figure:
    """An estimated share with its interval for each row, and a diamond at the true one."""
    figure, axis = panel(8, ROW * len(rows) + 1.1)
    forest(axis, list(rows.values()), CLEAN)
    places = range(len(rows))
    axis.plot([truth[name] for name in rows], places, "D", color=ATTACKED, markersize=6, zorder=0)
    first = next(iter(rows))
    for name, x, colour, side in (
        ("estimate", rows[first][0], CLEAN, 10),
        ("truth", truth[first], ATTACKED, -18),
    ):
        axis.annotate(
            name, (x, 0), (0, side), textcoords="offset points", ha="center", color=colour, size=9
        )
    axis.axvline(0, color=CHANCE, linewidth=0.8)
    percent(axis.xaxis, "share of the images")
    name_rows(axis, rows)
    axis.set_ylim(len(rows) - 0.5, -0.8)
    return figure


@house_style
def price_of_hiding(curves: Mapping[str, pd.DataFrame], rate: float) -> Figure:
    """How often each attacker is flagged against how often they succeed.

    A curve has a row for each strength, with the columns "success" and "flagged", both shares, and
    the strength as its index. A dotted line is the share of clean images that may be flagged.
    """
    figure, axis = panel(8.5, 4)
    for place, (name, curve) in enumerate(curves.items()):
        colour = variant_colours(curves)[place]
        axis.plot(curve["success"], curve["flagged"], "o-", color=colour, label=name)
        for strength, row in curve.iterrows():
            axis.annotate(
                strength, (row["success"], row["flagged"]), (7, 4 - 11 * place),
                textcoords="offset points", color=colour, size=9,
            )  # fmt: skip
    axis.legend(loc="upper left", frameon=False)
    axis.axhline(rate, color=CHANCE, linestyle=":")
    axis.annotate(
        f"false alarms allowed: {100 * rate:g} %", (1, rate), (0, 4), ("axes fraction", "data"),
        "offset points", ha="right", color=CHANCE, size=9,
    )  # fmt: skip
    least = min(curve["success"].min() for curve in curves.values())
    axis.set(xlim=(least - 0.05, 1.08), ylim=(-0.03, 1.15))
    percent(axis.xaxis, "attacks that succeed")
    percent(axis.yaxis, "attacks that are flagged")
    return figure


@house_style
def paired_differences(
    rows: Mapping[str, tuple[Interval, Sequence[float]]], label: str, margin: float = 0.0
) -> Figure:
    """A difference with its interval for each row, and a light dot for every training; zero is
    black, a claimed margin dotted."""
    figure, axis = panel(8.5, ROW * len(rows) + 1.1)
    for place, (interval, single) in enumerate(rows.values()):
        beyond = interval.low > 0 or interval.high < 0
        colour = CHANCE if not beyond else DEFENDED if interval.value > 0 else ATTACKED
        axis.plot(single, [place] * len(single), "o", color=colour, markersize=5, alpha=0.35)
        forest(axis, [interval], colour, places=[place])
        axis.annotate(
            f"{100 * interval.value:+.1f}", (1, place), (6, 0), ("axes fraction", "data"),
            "offset points", va="center", color=colour,
        )  # fmt: skip
    axis.axvline(0, color="black", linewidth=0.8)
    if margin:
        axis.axvline(margin, color=CHANCE, linestyle=":")
    percent(axis.xaxis, label)
    axis.set_xlabel(f"{label} (points)")
    name_rows(axis, rows)
    return figure


@house_style
def before_and_after(
    panels_of: Mapping[str, Mapping[str, Sequence[Interval]]],
    sides: Sequence[str] = ("before", "after"),
    limits: Sequence[float] = (),
) -> Figure:
    """Shares with their intervals for each row: before (orange), after (green), and otherwise.

    A panel for each question, all with the same rows. `limits` are the right ends of the panels.
    """
    count = max(len(rows) for rows in panels_of.values())
    size = (3.6 * len(panels_of) + 2, (0.2 + 0.13 * len(sides)) * count + 1.4)
    figure, [axes] = panels(1, len(panels_of), *size, sharey=True)
    shifts = 0.26 * (np.arange(len(sides)) - (len(sides) - 1) / 2)
    for place, (axis, (name, rows)) in enumerate(zip(axes, panels_of.items(), strict=True)):
        for side, (label, shift) in enumerate(zip(sides, shifts, strict=True)):
            found = [each[side] for each in rows.values()]
            places = np.arange(len(rows)) + shift
            forest(axis, found, SIDES[side], places=places, label=None if place else label)
        axis.set(title=readable(name), xlim=(-0.02, (limits[place] if limits else 1) * 1.03))
        percent(axis.xaxis, "share")
    name_rows(axes[0], next(iter(panels_of.values())))
    figure.legend(loc="outside lower center", ncols=len(sides), frameon=False)
    return figure


@house_style
def detector_matrix(scores: pd.DataFrame) -> Figure:
    """AUROC in percent by detector (row) and kind of contamination (column); a coin is white."""
    figure, axis = panel(1.25 * len(scores.columns) + 3.4, ROW * len(scores) + 1)
    heat_map(axis, 100 * scores, scores.index, scores.columns, (0, 100), "AUROC (%)", cmap="PuOr_r")
    return figure
