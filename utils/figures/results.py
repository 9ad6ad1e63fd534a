"""All models of the course in one picture: clean against attacked, and what an attack takes.

Everything is by (network, training), the names of a model.
"""

from collections.abc import Mapping
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from utils.evaluation.conditions import GREY_LEVELS, Condition
from utils.evaluation.intervals import Interval
from utils.figures.elements.charts import forest, name_rows, nothing
from utils.figures.elements.notebook_figure import house_style, panel
from utils.figures.elements.style import ATTACKED, CHANCE, CLEAN, KNOWN, readable, spread

Scores = Mapping[tuple[str, str], Mapping[str, Interval]]
SIDES = ("clean", "attacked")
STATES = {"noise": KNOWN["noise"], "attacked": ATTACKED}
SEVERITIES = {"ok": "#F2F2F2", "note": "#CFE3F0", "warning": "#F3C9A5", "alarm": ATTACKED}
LINE = 0.25  # inches that a name takes


@house_style
def slopes(scores: Scores, constant: float, attack: Condition | None, score: str) -> Figure:
    """A line per model, from its score on clean images to its score under attack.

    Its colour is the training; its name and the score under attack stand at its end. The grey line
    is a constant answer.
    """
    if not scores:
        return nothing()
    figure, axis = panel(10, max(4.5, LINE * len(scores) + 1.2))
    for name, found in scores.items():
        heights = [100 * found[side].value for side in SIDES]
        axis.plot([0, 1], heights, "o-", color=_colour(name), linewidth=1.8, clip_on=False)
    axis.set(xlim=(-0.4, 2), ylim=(0, 100), ylabel=f"{score} (%)")
    axis.set_xticks([0, 1], ["clean", _in_words(attack)])
    axis.tick_params(axis="x", length=0)
    axis.spines["bottom"].set_visible(False)
    _name_ends(axis, scores)
    _constant_line(axis, 100 * constant)
    return figure


@house_style
def drops_by_model(drops: Scores) -> Figure:
    """The combined drop of each model, in percent of its clean score: noise beside the attack."""
    if not drops:
        return nothing()
    figure, axis = panel(9, LINE * max(2, len(drops)) + 1.3)
    for (state, colour), shift in zip(STATES.items(), (-0.12, 0.12), strict=True):
        places = np.arange(len(drops)) + shift
        forest(axis, [found[state] for found in drops.values()], colour, places=places)
    axis.axvline(0, color=CHANCE, linestyle=":")
    name_rows(axis, map(", ".join, drops))
    axis.set(xlim=(-12, 104), xlabel="combined drop (% of the clean score)")
    marks = [Line2D([], [], marker="o", color=c, label=name) for name, c in STATES.items()]
    figure.legend(handles=marks, frameon=False, loc="outside upper center", ncols=2)
    return figure


@house_style
def severity_grid(severities: pd.DataFrame) -> Figure:
    """How grave each finding is: a row for each model, a column for each question."""
    figure, axis = panel(1.6 * len(severities.columns) + 2.6, 0.42 * len(severities) + 1.3)
    for (row, column), severity in np.ndenumerate(severities.to_numpy()):
        colour = SEVERITIES.get(severity, "#E5E5E5")
        axis.add_patch(Rectangle((column, row), 0.96, 0.92, color=colour, linewidth=0))
        ink = "white" if severity == "alarm" else "black"
        axis.text(column + 0.48, row + 0.46, severity, color=ink, ha="center", va="center")
    names = [fill(str(name), 16) for name in severities.columns]
    axis.set(xlim=(0, len(names)), ylim=(len(severities), 0))
    axis.set_xticks(np.arange(len(names)) + 0.48, names)
    axis.set_yticks(np.arange(len(severities)) + 0.46, [readable(n) for n in severities.index])
    axis.tick_params(length=0, labeltop=True, labelbottom=False)
    axis.spines[:].set_visible(False)
    return figure


def _colour(name: tuple[str, str]) -> str:
    """By training; a vote has none of its own, and combines networks of standard training."""
    return KNOWN.get(name[1].split()[0], CLEAN)


def _in_words(attack: Condition | None) -> str:
    if attack is None or attack.epsilon is None:
        return "attacked"
    return f"{attack.attack.upper()}, {GREY_LEVELS * attack.epsilon:g}/255"


def _constant_line(axis: Axes, height: float) -> None:
    axis.plot([-0.4, 1], [height, height], color=CHANCE, linestyle=":", zorder=0)
    place = {"ha": "left", "va": "bottom", "color": CHANCE, "fontsize": 9}
    axis.text(-0.39, height + 0.5, f"constant answer {height:.0f}", **place)


def _name_ends(axis: Axes, scores: Scores) -> None:
    """Score and name of each model at its end, moved apart, with a thin line to the point."""
    ends = [found["attacked"].value for found in scores.values()]
    gap = 0.19 / (0.8 * axis.figure.get_figheight())
    for end, place, name in zip(ends, spread(ends, gap), scores, strict=True):
        colour, text = _colour(name), f"{100 * end:.0f}  {readable(', '.join(name))}"
        axis.plot([1.02, 1.1], [100 * end, 100 * place], color=colour, linewidth=0.6, alpha=0.6)
        axis.text(1.12, 100 * place, text, color=colour, va="center", fontsize=10)
