"""What one side of a comparison has more than the other, pair by pair and in the mean."""

from collections.abc import Collection, Mapping

from matplotlib.figure import Figure

from utils.evaluation.intervals import Interval
from utils.evaluation.resampling import Difference
from utils.figures.elements.charts import forest, name_rows
from utils.figures.elements.notebook_figure import house_style, panel
from utils.figures.elements.style import ATTACKED, CHANCE, CONTROL, DEFENDED, percent


@house_style
def paired_gains(
    rows: Mapping[str, Difference],
    score: str,
    margin: float = 0.0,
    controls: Collection[str] = (),
) -> Figure:
    """A difference with its interval for each row, and a pale dot for every pair of trainings.

    Green is a gain, orange a loss; controls are grey, and so is an interval that contains zero.
    Zero is black, a claimed margin dotted.
    """
    figure, axis = panel(8.5, 0.45 * len(rows) + 1.1)
    for place, (name, found) in enumerate(rows.items()):
        colour = CONTROL if name in controls else _of_outcome(found.interval)
        single = found.draws[:, 0]
        axis.plot(single, [place] * len(single), "o", color=colour, markersize=5, alpha=0.35)
        forest(axis, [found.interval], colour, places=[place])
        axis.annotate(
            f"{100 * found.interval.value:+.1f}", (1, place), (6, 0), ("axes fraction", "data"),
            "offset points", va="center", color=colour,
        )  # fmt: skip
    axis.axvline(0, color="black", linewidth=0.8)
    if margin:
        axis.axvline(margin, color=CHANCE, linestyle=":")
    percent(axis.xaxis, score)
    axis.set_xlabel(f"gain in {score} (points)")
    name_rows(axis, rows)
    return figure


def _of_outcome(found: Interval) -> str:
    return DEFENDED if found.low > 0 else ATTACKED if found.high < 0 else CONTROL
