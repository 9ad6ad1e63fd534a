"""Colours and habits that all figures share."""

from collections.abc import Iterable, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter

CLEAN, ATTACKED, DEFENDED = "#0072B2", "#D55E00", "#009E73"  # safe for colour-blind readers
OTHERS = ("#E69F00", ATTACKED, "#CC79A7", "#56B4E9", "#000000", "#8C6D31")
CHANCE, CONTROL = "#7F7F7F", "#999999"  # greys
SPLITS = {"train": "#4D4D4D", "validation": "#8C8C8C", "test": "#C7C7C7"}
KNOWN = {  # a name that begins with one of these words has the same colour in every chapter
    "standard": CLEAN,
    "adversarial": DEFENDED,
    "fast": "#E69F00",
    "noise": CONTROL,
    "worst": "#882255",
    "square": "#000000",
    "decisions": "#56B4E9",
    "one": "#E69F00",  # step
    "many": ATTACKED,  # steps
    "pgd": ATTACKED,
    "universal": "#8C6D31",
    "transfer": "#CC79A7",
    "few": "#5E4FA2",  # pixels
    "fakes": ATTACKED,
    "left": CLEAN,  # out: what remains is real
}
FEW = 4  # lines that are named at their ends


def readable(name: str) -> str:
    return str(name).replace("_", " ")


def plural(count: float, noun: str) -> str:
    """1 image, 330 images."""
    return f"{count:,g} {noun}{'' if count == 1 else 's'}"


def variant_colours(names: Iterable[str]) -> list[str]:
    """Standard training blue, adversarial training green, each attacker a colour of its own."""
    others = cycle(OTHERS)
    return [KNOWN.get(name.split()[0]) or next(others) for name in names]


def percent(axis: Axis, label: str) -> None:
    """Shares from 0 to 1 read as percent."""
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))
    axis.set_label_text(f"{label} (%)")


def chance_line(axis: Axes, height: float, name: str) -> None:
    """The score of a constant answer."""
    axis.axhline(height, color=CHANCE, linestyle=":", label=name)


def name_lines(axis: Axes) -> None:
    """The name of each line at its right end; a legend beside the axes where there are many."""
    handles, names = axis.get_legend_handles_labels()
    lines = [handle if hasattr(handle, "get_xdata") else handle[0] for handle in handles]
    if sum(line.get_color() != CHANCE for line in lines) > FEW:
        axis.figure.legend(handles, names, loc="outside right center", frameon=False, fontsize=9)
        return
    to_axes = axis.transData + axis.transAxes.inverted()
    ends = [to_axes.transform((1, line.get_ydata()[-1]))[1] for line in lines]
    gap = 11 / (72 * 0.75 * axis.figure.get_figheight())
    for height, line, name in zip(spread(ends, gap), lines, names, strict=True):
        axis.annotate(
            name, (1, height), (6, 0), "axes fraction", "offset points", va="center",
            color=line.get_color(), fontsize=9, annotation_clip=False,
        )  # fmt: skip


def spread(heights: Sequence[float], gap: float) -> np.ndarray:
    """The heights, moved apart until neighbours differ by `gap`; from 0 to 1 where they fit."""
    order = np.argsort(heights, kind="stable")
    placed = np.clip(np.array(heights, float)[order], 0, 1)
    for number in range(1, len(placed)):
        placed[number] = max(placed[number], placed[number - 1] + gap)
    for number in reversed(range(len(placed))):
        above = placed[number + 1] - gap if number + 1 < len(placed) else 1
        placed[number] = min(placed[number], above)
    spread = np.empty(len(placed))
    spread[order] = placed
    return spread
