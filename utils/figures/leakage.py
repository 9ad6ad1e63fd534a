"""What leaks: scores beside chance, and who belongs together by his pixels."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils.figures.style import ATTACKED, CHANCE, CLEAN, STYLE, closed, readable

__all__ = ["beside_chance", "recovery"]


def beside_chance(
    panels: Mapping[str, pd.DataFrame], chance: Mapping[str, float], xlabel: str
) -> Figure:
    """A dot with its interval for each row (value, low, high), and the chance line of each panel.

    Orange where the whole interval lies above chance, blue where it does not.
    """
    with plt.rc_context(STYLE):
        rows = max(len(table) for table in panels.values())
        size = (3.3 * len(panels) + 2.2, 0.4 * rows + 1.5)
        figure, [axes] = plt.subplots(1, len(panels), figsize=size, sharey=True, squeeze=False)
        for axis, (name, table) in zip(axes, panels.items(), strict=True):
            for height, row in enumerate(table.to_dict("records")):
                colour = ATTACKED if row["low"] > chance[name] else CLEAN
                axis.plot([row["low"], row["high"]], [height] * 2, color=colour, linewidth=2)
                axis.plot(row["value"], height, "o", color=colour, markersize=7)
            line = axis.axvline(chance[name], color=CHANCE, linestyle=":", label="without looking")
            axis.set(title=name, xlabel=xlabel, xlim=(0, 1.03), ylim=(rows - 0.5, -0.5))
        axes[0].set_yticks(range(rows), [readable(name) for name in table.index])
        figure.legend(handles=[line], frameon=False, loc="outside lower right", fontsize=9)
    return closed(figure)


def recovery(ratios, limit: float, margins, right=None) -> Figure:
    """The links that tie everybody together, with the limit, and how sure each patient is.

    `right` says which patients are true ones, where that is known.
    """
    with plt.rc_context(STYLE):
        figure, (left, beside) = plt.subplots(1, 2, figsize=(9.5, 3))
        left.hist(np.asarray(ratios), np.linspace(0, 1.1, 56), color=CLEAN)
        left.axvline(limit, color="black", linestyle=":", label=f"limit {limit:.2f}")
        left.set(xlabel="distance / distance to strangers", ylabel="links of the tree")
        left.legend(frameon=False, fontsize=9)
        margins = np.asarray(margins)
        told = {"patients": margins}
        if right is not None:
            told = {"whole": margins[right], "torn or mixed": margins[~np.asarray(right)]}
        bins = np.linspace(min(0, margins.min()), max(0.1, margins.max()), 25)
        beside.hist(
            list(told.values()), bins, stacked=True, label=list(told),
            color=[CLEAN, ATTACKED][: len(told)],
        )  # fmt: skip
        beside.set(xlabel="sureness: how far the limit could move", ylabel="patients")
        beside.legend(frameon=False, fontsize=9)
    return closed(figure)
