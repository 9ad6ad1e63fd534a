"""Against hidden images: what is flagged, what a repair brings back, and what hiding costs."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from utils.evaluation.intervals import Interval
from utils.figures.elements.charts import forest, name_rows
from utils.figures.elements.notebook_figure import house_style, panel, panels
from utils.figures.elements.style import (
    ATTACKED,
    CHANCE,
    CLEAN,
    CONTROL,
    DEFENDED,
    name_lines,
    percent,
    readable,
)

DETECTORS = ("#56B4E9", "#882255")  # neither clean images nor a defence


@house_style
def score_strips(
    scores: Mapping[str, Mapping[str, np.ndarray]],
    limits: Mapping[str, float],
    colours: Mapping[str, str],
) -> Figure:
    """The score of every image by kind (row), a panel per detector, with its limit as a line.

    At the right of each row stands the share of its images beyond the limit, which are flagged. A
    kind without a colour of its own is grey.
    """
    kinds = list(next(iter(scores.values())))
    size = (3.0 * len(scores) + 2.4, 0.3 * len(kinds) + 1.2)
    figure, [axes] = panels(1, len(scores), *size, sharey=True)
    random = np.random.default_rng(0)
    for axis, (name, by_kind) in zip(axes, scores.items(), strict=True):
        for place, (kind, values) in enumerate(by_kind.items()):
            colour, heights = colours.get(kind, CONTROL), random.uniform(-0.25, 0.25, len(values))
            dots = {"color": colour, "markersize": 4, "alpha": 0.5, "rasterized": True}
            axis.plot(values, place + heights, ".", **dots)
            flagged = f"{100 * np.mean(values > limits[name]):.0f} %"
            axis.annotate(
                flagged, (1, place), (4, 0), ("axes fraction", "data"), "offset points",
                va="center", fontsize=9, color=colour,
            )  # fmt: skip
        axis.axvline(limits[name], color="black", linewidth=1)
        axis.set(xscale="log", xlabel="score")
        decades = np.ptp(np.log10(np.concatenate([*by_kind.values()])))
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 3) if decades < 2 else (1,)))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda score, _: f"{score:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_title(name, fontsize=10)
    name_rows(axes[0], kinds)
    return figure


@house_style
def repairs(rows: Mapping[str, tuple[Interval, Interval]], label: str, constant: float) -> Figure:
    """For each repair the score on files that hide a picture, and on files that hide nothing.

    The first row is the pipeline as it is.
    """
    figure, axis = panel(8.5, 0.45 * len(rows) + 1.2)
    hiding, clean = zip(*rows.values(), strict=True)
    places = np.arange(len(rows))
    colours = [ATTACKED] + [DEFENDED] * (len(rows) - 1)
    forest(axis, clean, CLEAN, constant, places - 0.13)
    forest(axis, hiding, colours, places=places + 0.13)
    axis.set(xlim=(0, 1.03))
    percent(axis.xaxis, label)
    name_rows(axis, rows)
    named = ((CLEAN, "nothing hidden"), (ATTACKED, "a picture hidden"), (DEFENDED, "repaired"))
    for number, (colour, text) in enumerate(named):
        axis.text(0.34 * number, 1.02, f"● {text}", color=colour, transform=axis.transAxes)
    return figure


@house_style
def price_of_disguise(
    price: Mapping[str, float],
    shares: Mapping[str, Sequence[Interval]],
    ceiling: float,
    apart: Sequence[str] = (),
) -> Figure:
    """How often each attacker succeeds and is flagged, against what the file looks like.

    `price` is the PSNR of each attacker; to the right the change is easier to see. `ceiling` is
    the share that a pipeline without a repair obeys. Attackers of another family stand `apart`.
    """
    figure, axis = panel(9.5, 4)
    decibels, alone = np.array(list(price.values())), np.array([name in apart for name in price])
    for (name, found), colour in zip(shares.items(), (ATTACKED, *DETECTORS), strict=False):
        for chosen, mark, label in ((~alone, "o-", name), (alone, "D", None)):
            order = np.flatnonzero(chosen)[np.argsort(-decibels[chosen])]
            if len(order):
                values, low, high = np.array(found, float)[order].T
                axis.errorbar(
                    decibels[order], values, [values - low, high - values], fmt=mark, color=colour,
                    markersize=5, elinewidth=1, label=label, markerfacecolor=colour,
                )  # fmt: skip
    axis.axhline(ceiling, color=CHANCE, linestyle=":", label="obeyed without a repair")
    for name, place in price.items():
        axis.annotate(
            readable(name), (place, 1.03), xycoords=("data", "axes fraction"), rotation=35,
            ha="left", va="bottom", fontsize=9,
        )  # fmt: skip
    axis.invert_xaxis()
    axis.set(xlabel="PSNR to the image as it was (dB): plainer to the right", ylim=(-0.03, 1.03))
    percent(axis.yaxis, "share of the files")
    name_lines(axis)
    return figure
