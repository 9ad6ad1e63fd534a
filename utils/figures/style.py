"""Colours and habits that all pictures share."""

from collections.abc import Iterable
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

CLEAN, ATTACKED, DEFENDED = "#0072B2", "#D55E00", "#009E73"  # safe for colour-blind readers
OTHERS = ("#E69F00", ATTACKED, "#CC79A7", "#56B4E9", "#000000", "#8C6D31")
CHANCE = "#7F7F7F"
SPLITS = {"train": "#4D4D4D", "validation": "#8C8C8C", "test": "#C7C7C7"}
KNOWN = {  # whatever a name begins with has one colour in every chapter
    "standard": CLEAN,
    "adversarial": DEFENDED,
    "noise": "#999999",
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
STYLE = {
    "figure.dpi": 75,  # executed notebooks stay below 1 MB
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
}


def readable(name: object) -> str:
    return str(name).replace("_", " ")


def variant_colours(names: Iterable[str]) -> list[str]:
    """Standard training blue, adversarial training green, each attacker his own."""
    others = cycle(OTHERS)
    return [KNOWN.get(name.split()[0]) or next(others) for name in names]


def picture(axis: Axes, image) -> None:
    """One image (channels, height, width) in grey levels, grey or colour, its full range fixed."""
    pixels = np.asarray(image).transpose(1, 2, 0).clip(0, 255).astype(np.uint8)
    axis.imshow(pixels.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    blank(axis)


def blank(axis: Axes) -> None:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def chance_line(axis: Axes, height: float, name: str) -> None:
    """What an answer without looking would reach."""
    axis.axhline(height, color=CHANCE, linestyle=":", label=name)


def closed(figure: Figure) -> Figure:
    """So that a notebook shows it where it stands, and not once more at the end of the cell."""
    plt.close(figure)
    return figure
