"""All runs in one picture: scores, drops, robustness against clean accuracy, pairs.

`models` maps (run, variant) to predictions by condition, as `results.unique_models` does.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from utils.evaluation import metrics
from utils.evaluation.conditions import (
    CLEAN,
    Condition,
    by_variant_and_condition,
    ordered_conditions,
)
from utils.evaluation.predictions import Predictions
from utils.figures.charts import forest, heat_map, name_rows, slant_names
from utils.figures.notebook_figure import house_style, panel, panels
from utils.figures.style import (
    ATTACKED,
    CHANCE,
    plural,
    readable,
    variant_colours,
)

Models = Mapping[tuple[str, str], Mapping[Condition, Predictions]]
SHAPES = "osD^v<>phdH8"  # none that looks like an error bar


@house_style
def accuracies(models: Models) -> Figure:
    """Accuracy in percent, a row per model and a column per condition; empty was not measured.

    Orange cells are no better than the commonest class as a constant answer.
    """
    conditions = ordered_conditions(name for answers in models.values() for name in answers)
    rows = [[answers.get(name) for name in conditions] for answers in models.values()]
    share = np.array([[p.accuracy if p else np.nan for p in row] for row in rows])
    chance = np.array([[metrics.majority_share(p.labels) if p else 0 for p in row] for row in rows])
    names = [_label(*name) for name in models], conditions
    figure, axis = panel(0.75 * len(conditions) + 4, 0.36 * len(models) + 1.8)
    limits = (100 * chance[chance > 0].min(), 100)
    no_better = share <= chance
    heat_map(axis, 100 * share, *names, limits, "accuracy (%)", mask=no_better)
    heat_map(axis, 100 * share, *names, cmap=["#F9DCC4"], mask=~no_better)
    slant_names(axis)
    axis.set_title("orange: no better than the majority class", fontsize=10, color=ATTACKED)
    _separate_runs(axis, [run for run, _ in models])
    return figure


@house_style
def robustness_against_clean(models: Models, strongest: Mapping[str, Condition | None]) -> Figure:
    """Accuracy under the strongest attack of each run against clean accuracy, with intervals.

    A model without the strongest attack of its run is not drawn: a weaker one would flatter it.
    """
    pairs = {
        name: (answers[CLEAN], answers[strongest[name[0]]])
        for name, answers in models.items()
        if {CLEAN, strongest.get(name[0])} <= set(answers)
    }
    runs = {run: plural(_patients(clean), "patient") for (run, _), (clean, _) in pairs.items()}
    shapes = {run: SHAPES[number % len(SHAPES)] for number, run in enumerate(runs)}
    colours = _colours(models, drawn=pairs)
    figure, axis = panel(10, 6)
    for (run, variant), found in pairs.items():
        x, y = (100 * np.array(metrics.score_of(p)) for p in found)
        colour, white = {"color": colours[variant]}, {"mec": "white", "mew": 0.8}
        arms = {"xerr": _arms(x), "yerr": _arms(y), "elinewidth": 0.8, "alpha": 0.35}
        axis.errorbar(x[0], y[0], fmt="none", **arms, **colour)
        axis.plot(x[0], y[0], shapes[run], markersize=10, zorder=3, **white, **colour)
    axis.set(xlim=(max(0, axis.get_xlim()[0]), 101), ylim=(0, 101))
    _majority_lines(axis, [clean for clean, _ in pairs.values()])
    axis.axline((0, 0), slope=1, color=CHANCE, linewidth=0.8)
    axis.set(xlabel="clean accuracy (%)", ylabel="accuracy under the strongest attack (%)")
    named = {f"{readable(run)}, {runs[run]}": shape for run, shape in shapes.items()}
    _two_legends(figure, named, colours)
    return figure


@house_style
def drops_by_run(models: Models, columns: int = 3) -> Figure:
    """The combined drop under each condition, a panel per run and a colour per variant."""
    drawn = {name: a for name, a in models.items() if CLEAN in a and len(a) > 1}
    colours = _colours(models, drawn)
    by_run = {
        run: {variant: answers for (name, variant), answers in drawn.items() if name == run}
        for run, _ in drawn
    }
    columns = min(columns, max(1, len(by_run)))
    lines = -(-max(1, len(by_run)) // columns)
    longest = max((len(set().union(*found.values())) for found in by_run.values()), default=2)
    figure, axes = panels(lines, columns, 3.2 * columns + 1.5, lines * (0.3 * longest + 0.9) + 0.6)
    for axis in axes.flat[len(by_run) :]:
        axis.set_axis_off()
    for axis, (run, found) in zip(axes.flat, by_run.items(), strict=False):
        drop_dots(axis, found, colours)
        axis.set(title=readable(run), xlim=(-12, 104))
    marks = [Line2D([], [], marker="o", color=c, label=name) for name, c in colours.items()]
    figure.supxlabel("combined drop (% of the clean score)", fontsize=11)
    where = {"loc": "outside upper center", "ncols": 4}
    figure.legend(handles=marks, frameon=False, fontsize=9, **where)
    return figure


def drop_dots(
    axis: Axes,
    by_variant: Mapping[str, Mapping[Condition, Predictions]],
    colours: Mapping[str, str],
) -> None:
    """A row per condition, in it the combined drop of each variant measured under it."""
    by_variant = by_variant_and_condition(by_variant)
    names = ordered_conditions(name for found in by_variant.values() for name in found)
    conditions = [name for name in names if name != CLEAN]
    shifts = np.linspace(-0.2, 0.2, len(by_variant)) if len(by_variant) > 1 else [0]
    for (variant, found), shift in zip(by_variant.items(), shifts, strict=True):
        measured = [name for name in conditions if name in found]
        rows = [metrics.drops(found[CLEAN], found[name]).loc["combined"] for name in measured]
        places = [conditions.index(name) + shift for name in measured]
        forest(axis, rows, colours[variant], places=places, label=variant)
    forest(axis, [], CHANCE, chance=0)
    name_rows(axis, conditions)


@house_style
def differences(pairs: pd.DataFrame) -> Figure:
    """How many points of accuracy the model of a row has more than that of a column, best last.

    Exploratory: no pair has a verdict. `pairs` is a result of `all_differences`.
    """
    mirrored = pairs.assign(A=pairs["B"], B=pairs["A"], value=-pairs["value"])
    both = pd.concat([pairs, mirrored])
    names = both.groupby("A", sort=False)["value"].sum().sort_values(kind="stable").index
    places = {name: place for place, name in enumerate(names)}
    row, column = both["A"].map(places).to_numpy(), both["B"].map(places).to_numpy()
    below = row > column  # the other half is the same with the other sign
    points = np.full((len(names), len(names)), np.nan)
    points[row[below], column[below]] = (100 * both["value"][below]).round() + 0.0
    figure, axis = panel(0.5 * len(names) + 4.5, 0.36 * len(names) + 3)
    limits, label = (0, max(20, np.nanmax(points))), "points: row minus column"
    heat_map(axis, points[1:, :-1], names[1:], names[:-1], limits, label)
    slant_names(axis)
    return figure


def _label(run: str, variant: str) -> str:
    return f"{readable(run)}, {variant}"


def _colours(models: Models, drawn: Models) -> dict[str, str]:
    """The colours of the drawn variants, the same in every picture of the same models."""
    variants = list(dict.fromkeys(variant for _, variant in models))
    colours = dict(zip(variants, variant_colours(variants), strict=True))
    return {name: colour for name, colour in colours.items() if name in {v for _, v in drawn}}


def _patients(found: Predictions) -> int:
    return len(np.unique(found.groups))


def _arms(row: np.ndarray) -> list[list[float]]:
    value, low, high = row
    return [[value - low], [high - value]]


def _separate_runs(axis: Axes, runs: list[str]) -> None:
    for row in range(1, len(runs)):
        if runs[row] != runs[row - 1]:
            axis.axhline(row, color="black", linewidth=0.8)


def _majority_lines(axis: Axes, clean: list[Predictions]) -> None:
    """The accuracy of a constant answer under attack: a line per test set, named at its end."""
    at_end = {"ha": "right", "va": "bottom", "color": CHANCE, "fontsize": 9}
    for patients, share in {(_patients(p), 100 * metrics.majority_share(p.labels)) for p in clean}:
        axis.axhline(share, color=CHANCE, linestyle=":")
        axis.text(101, share, plural(patients, "patient"), **at_end)


def _two_legends(figure: Figure, shapes: dict[str, str], colours: dict[str, str]) -> None:
    """Shapes for runs, colours for variants, and what the lines are; beside the points."""
    grey, bare = {"color": "0.3", "markersize": 8}, {"linestyle": ""}
    marks = [
        Line2D([], [], marker="", linestyle="", label="run, patients"),
        *(Line2D([], [], marker=s, label=run, **grey, **bare) for run, s in shapes.items()),
        Line2D([], [], marker="", linestyle="", label="\nvariant"),
        *(Line2D([], [], marker="s", color=c, label=v, **bare) for v, c in colours.items()),
        Line2D([], [], color=CHANCE, linestyle=":", label="majority class"),
        Line2D([], [], color=CHANCE, linewidth=0.8, label="no drop"),
    ]
    figure.legend(handles=marks, loc="outside right center", frameon=False, fontsize=9)
