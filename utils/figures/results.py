"""All runs in one picture: scores, drops, robustness against clean accuracy, pairs.

`models` maps (run, variant) to predictions by condition, as `records.distinct_models` does.
"""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from utils.evaluation import metrics
from utils.evaluation.comparison import ALPHA
from utils.evaluation.conditions import CLEAN, Condition, ordered_conditions
from utils.evaluation.predictions import Predictions
from utils.figures.attacks import drop_dots
from utils.figures.style import ATTACKED, CHANCE, STYLE, closed, readable, variant_colours

Models = Mapping[tuple[str, str], Mapping[Condition, Predictions]]
SHAPES = "osD^v<>phdH8"  # none that looks like an error bar


def accuracies(models: Models) -> Figure:
    """Accuracy in percent, a row per model and a column per condition; empty was not asked.

    Orange cells are no better than naming the commonest class every time.
    """
    conditions = ordered_conditions(name for answers in models.values() for name in answers)
    rows = [[answers.get(name) for name in conditions] for answers in models.values()]
    share = np.array([[p.accuracy if p else np.nan for p in row] for row in rows])
    chance = np.array([[metrics.majority_share(p.labels) if p else 0 for p in row] for row in rows])
    common = {
        "annot": 100 * share, "fmt": ".0f", "linewidths": 1, "linecolor": "white",
        "xticklabels": [readable(name) for name in conditions],
        "yticklabels": [_label(*name) for name in models],
    }  # fmt: skip
    with plt.rc_context(STYLE):
        size = (0.75 * len(conditions) + 4, 0.36 * len(models) + 1.6)
        figure, axis = plt.subplots(figsize=size)
        seaborn.heatmap(
            100 * share, mask=share <= chance, vmin=100 * chance[chance > 0].min(), vmax=100,
            cmap="Blues", ax=axis, cbar_kws={"label": "accuracy (%)", "pad": 0.02}, **common,
        )  # fmt: skip
        lost = {"mask": ~(share <= chance), "cmap": ["#F9DCC4"], "cbar": False}
        seaborn.heatmap(100 * share, ax=axis, vmin=0, vmax=100, **lost, **common)
        axis.set_title("orange: no better than the majority class", fontsize=10, color=ATTACKED)
        _separate_runs(axis, [run for run, _ in models])
        _plain_ticks(axis)
    return closed(figure)


def robustness_against_clean(models: Models, strongest: Mapping[str, Condition | None]) -> Figure:
    """Accuracy under the strongest attack of each run against clean accuracy, with intervals.

    A model that did not meet the strongest attack of its run is not drawn: less would flatter it.
    """
    pairs = {
        name: (answers[CLEAN], answers[strongest[name[0]]])
        for name, answers in models.items()
        if {CLEAN, strongest.get(name[0])} <= set(answers)
    }
    runs = {run: _patients(clean) for (run, _), (clean, _) in pairs.items()}
    shapes = {run: SHAPES[number % len(SHAPES)] for number, run in enumerate(runs)}
    colours = _colours(models, drawn=pairs)
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(10, 6))
        for (run, variant), asked in pairs.items():
            x, y = (100 * np.array(metrics.score_of(p)) for p in asked)
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
    return closed(figure)


def drops_by_run(models: Models, columns: int = 3) -> Figure:
    """The combined drop under each condition, a panel per run and a colour per variant."""
    drawn = {name: a for name, a in models.items() if CLEAN in a and len(a) > 1}
    colours = _colours(models, drawn)
    panels = {
        run: {variant: answers for (name, variant), answers in drawn.items() if name == run}
        for run, _ in drawn
    }
    columns = min(columns, max(1, len(panels)))
    lines = -(-max(1, len(panels)) // columns)
    longest = max((len(set().union(*found.values())) for found in panels.values()), default=2)
    with plt.rc_context(STYLE):
        size = (3.2 * columns + 1.5, lines * (0.3 * longest + 0.9) + 0.6)
        figure, axes = plt.subplots(lines, columns, figsize=size, squeeze=False)
        for axis in axes.flat[len(panels) :]:
            axis.set_axis_off()
        for axis, (run, found) in zip(axes.flat, panels.items(), strict=False):
            drop_dots(axis, found, colours)
            axis.set(title=readable(run), xlim=(-12, 104), xlabel="")
        marks = [Line2D([], [], marker="o", color=c, label=name) for name, c in colours.items()]
        figure.supxlabel("combined drop (% of the clean score)", fontsize=11)
        where = {"loc": "outside upper center", "ncols": 4}
        figure.legend(handles=marks, frameon=False, fontsize=9, **where)
    return closed(figure)


def differences(pairs: pd.DataFrame) -> Figure:
    """How many points of accuracy the model of a row has more than that of a column, best last.

    Framed where the difference stands after Holm's correction. `pairs` comes from `compare`.
    """
    turned = pairs.assign(A=pairs["B"], B=pairs["A"], value=-pairs["value"])
    both = pd.concat([pairs, turned])
    names = both.groupby("A", sort=False)["value"].sum().sort_values(kind="stable").index
    places = {name: place for place, name in enumerate(names)}
    row, column = both["A"].map(places).to_numpy(), both["B"].map(places).to_numpy()
    below = row > column  # the other half says the same with the other sign
    points = np.full((len(names), len(names)), np.nan)
    points[row[below], column[below]] = (100 * both["value"][below]).round() + 0.0
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(0.5 * len(names) + 4.5, 0.36 * len(names) + 3))
        seaborn.heatmap(
            points[1:, :-1], vmin=0, vmax=max(20, np.nanmax(points)), cmap="Blues", ax=axis,
            annot=True, fmt=".0f", annot_kws={"fontsize": 9},
            xticklabels=[readable(name) for name in names[:-1]],
            yticklabels=[readable(name) for name in names[1:]],
            cbar_kws={"label": "points: row minus column", "pad": 0.02},
        )  # fmt: skip
        stands = below & (both["p (Holm)"] < ALPHA).to_numpy()
        for x, y in zip(column[stands], row[stands] - 1, strict=True):
            frame = plt.Rectangle((x + 0.06, y + 0.06), 0.88, 0.88, fill=False, linewidth=1.5)
            axis.add_patch(frame)
        _plain_ticks(axis)
    return closed(figure)


def _label(run: str, variant: str) -> str:
    return f"{readable(run)}, {variant}"


def _colours(models: Models, drawn: Models) -> dict[str, str]:
    """The colours of the drawn variants, the same in every picture of the same models."""
    variants = list(dict.fromkeys(variant for _, variant in models))
    colours = dict(zip(variants, variant_colours(variants), strict=True))
    return {name: colour for name, colour in colours.items() if name in {v for _, v in drawn}}


def _patients(asked: Predictions) -> int:
    return len(np.unique(asked.groups))


def _arms(row: np.ndarray) -> list[list[float]]:
    value, low, high = row
    return [[value - low], [high - value]]


def _separate_runs(axis: Axes, runs: list[str]) -> None:
    for row in range(1, len(runs)):
        if runs[row] != runs[row - 1]:
            axis.axhline(row, color="black", linewidth=0.8)


def _plain_ticks(axis: Axes) -> None:
    axis.tick_params(length=0)
    axis.set_xticks(axis.get_xticks(), axis.get_xticklabels(), rotation=40, ha="right")
    axis.set_yticks(axis.get_yticks(), axis.get_yticklabels(), rotation=0)


def _majority_lines(axis: Axes, asked: list[Predictions]) -> None:
    """What a constant answer reaches under attack: a line per test set, named at its end."""
    at_end = {"ha": "right", "va": "bottom", "color": CHANCE, "fontsize": 9}
    for patients, share in {(_patients(p), 100 * metrics.majority_share(p.labels)) for p in asked}:
        axis.axhline(share, color=CHANCE, linestyle=":")
        axis.text(101, share, f"{patients} patients", **at_end)


def _two_legends(figure: Figure, shapes: dict[str, str], colours: dict[str, str]) -> None:
    """Shapes for runs, colours for variants, and what the lines are; beside the points."""
    grey, bare = {"color": "0.3", "markersize": 8}, {"linestyle": ""}
    marks = [
        Line2D([], [], marker="", linestyle="", label="run, patients"),
        *(Line2D([], [], marker=s, label=run, **grey, **bare) for run, s in shapes.items()),
        Line2D([], [], marker="", linestyle="", label="\nvariant"),
        *(Line2D([], [], marker="s", color=c, label=v, **bare) for v, c in colours.items()),
        Line2D([], [], color=CHANCE, linestyle=":", label="majority class"),
        Line2D([], [], color=CHANCE, linewidth=0.8, label="nothing lost"),
    ]
    figure.legend(handles=marks, loc="outside right center", frameon=False, fontsize=9)
