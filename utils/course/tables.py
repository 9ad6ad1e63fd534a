"""What a notebook shows beside figures: source code, settings, and tables for the reader."""

import inspect
from collections.abc import Mapping

import numpy as np
import pandas as pd
from IPython.display import HTML, Code
from pandas.io.formats.style import Styler

from utils.evaluation.comparisons.differences import gains, trainings_of
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.intervals import TOO_FEW, Interval
from utils.evaluation.metrics import HEADLINE, score_of, scores
from utils.evaluation.predictions import Predictions, as_method
from utils.evaluation.resampling import count_trainings, few_patients
from utils.figures.page import Folded, noted

ROBUST_SCORES = (HEADLINE, "accuracy")
EXPLORATORY = "A difference that no claim names is exploratory: it has no verdict."
LEFT = [{"selector": "th, td", "props": "text-align: left; vertical-align: top"}]


def show_source(thing) -> HTML:
    """The code itself, where the code is the lesson; in fixed pitch on exported pages too."""
    page = Code(inspect.getsource(thing), language="python")._repr_html_()
    return HTML(page.replace("<pre>", '<pre style="font-family: monospace">'))


def folded_source(title: str, thing) -> Folded:
    """The code behind its title, for those who want to look."""
    return Folded(title, show_source(thing))


def settings(names: Mapping[str, object]) -> dict:
    """The parameters of a notebook, from its `globals()`: all plain values named in capitals.

    papermill knows them only where it runs the notebook; in JupyterLab nothing else does.
    """
    kept = {name: value for name, value in names.items() if name.isupper() and _is_plain(value)}
    # the folders of one machine are private
    return {name: value for name, value in kept.items() if not name.endswith("_ROOT")}


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float)


def with_interval(
    rows: pd.DataFrame | Mapping[object, Interval],
    scale: float = 100,
    digits: int = 1,
    instead: str = TOO_FEW,
) -> pd.Series:
    """Intervals as text; rows of value, low and high will do."""
    shown = {"scale": scale, "digits": digits, "instead": instead}
    if isinstance(rows, pd.DataFrame):
        return rows.apply(interval_text, axis=1, **shown)
    return pd.Series({name: row.text(**shown) for name, row in rows.items()}, dtype=object)


def interval_text(
    row: Interval | pd.Series, scale: float = 100, digits: int = 1, instead: str = TOO_FEW
) -> str:
    """An interval as text, such as "85.0 (80.1 to 89.2)"; without one, `instead` says why."""
    if isinstance(row, pd.Series):
        row = Interval(*row[list(Interval._fields)].astype(float))
    return row.text(scale, digits, instead)


def score_table(found: Mapping[Condition | str, Predictions], note: str = "") -> pd.DataFrame:
    """One row per condition, one column per score in percent, each with its 95 % interval.

    Balanced accuracy comes first: a constant answer has one share in as many as there are classes.
    A note stands below the table.
    """
    rows = {str(name): with_interval(scores(p)) for name, p in found.items()}
    table = pd.DataFrame(rows).T
    table.insert(0, HEADLINE, table.pop(HEADLINE))
    table = table[[name for name in table if name not in _repeated(found)]]
    lines = filter(None, (warning(found), note))
    return noted(table.rename(columns=lambda name: f"{name} (%)"), " ".join(lines))


def _repeated(found: Mapping[Condition | str, Predictions]) -> tuple[str, ...]:
    """Scores that say the same as another one: with as many images of each class, accuracy."""
    labels = next(iter(found.values())).labels
    balanced = labels.ndim == 1 and np.ptp(np.bincount(labels)[labels]) == 0
    return ("accuracy",) if balanced else ()


def warning(found: Mapping[Condition | str, Predictions]) -> str:
    """A line for below a table: a class has too few patients, or accuracy is left out.

    All have the same patients.
    """
    few = few_patients(next(iter(found.values())))
    lines = ["As many images of each class, so accuracy is the same."] * bool(_repeated(found))
    return " ".join([*lines, *[f"Read with care: {few}."] * bool(few)])


def gain_table(
    before: Mapping[Condition | str, Predictions], after: Mapping[Condition | str, Predictions]
) -> pd.DataFrame:
    """One row per condition: points that the second model has more than the first.

    Two methods of fewer than three trainings have no interval; the table says how many there were.
    """
    rows = {
        str(name): with_interval(
            gains(before[name], after[name]), instead=trainings_of(before[name], after[name])
        )
        for name in after
    }
    table = pd.DataFrame(rows).T.rename(columns=lambda name: f"{name} (points)")
    return noted(table, EXPLORATORY)


def share_table(shares: pd.DataFrame) -> pd.DataFrame:
    """Right, of how many, and the share in percent with its interval; beside it what luck gives."""
    table = shares[["right", "of"]].astype(int).assign(**{"share (%)": with_interval(shares)})
    if "chance" in shares:
        table["chance (%)"] = 100 * shares["chance"]
        table["p"] = shares["p"].map("{:.2g}".format)
    return table


def robustness_table(
    answers: Mapping[str, Mapping[Condition, Predictions]], noise: Condition, attacked: Condition
) -> pd.DataFrame:
    """Clean, noise and attack side by side for each model, on how many images, with the
    differences that count."""
    standard = next(iter(answers.values()))
    rows = {}
    for model, found in answers.items():
        lost = gains(found[attacked], found[CLEAN])
        sides = as_method(standard[attacked]), as_method(found[attacked])
        gained = gains(*sides)
        for metric in (name for name in ROBUST_SCORES if name not in _repeated(standard)):
            score = {c: score_of(found[c], metric) for c in (CLEAN, noise, attacked)}
            rows[model, metric] = {
                "images": len(found[attacked].by_training[0].labels),
                "clean (%)": str(score[CLEAN]),
                "noise (%)": str(score[noise]),
                "PGD (%)": str(score[attacked]),
                "lost to PGD (points)": interval_text(lost.loc[metric]),
                "more than standard under PGD (points)": (
                    ""
                    if found is standard
                    else interval_text(gained.loc[metric], instead=trainings_of(*sides))
                ),
            }
    table = pd.DataFrame(rows).T.rename_axis(["training", "score"])
    return noted(table, " ".join(filter(None, (warning(standard), EXPLORATORY))))


def change_table(
    scores: Mapping[tuple[str, str], Mapping[str, Interval]],
    accuracies: Mapping[tuple[str, str], Mapping[str, Interval]],
) -> pd.DataFrame:
    """One row per network and training: clean, attacked, the change; accuracy stands beside."""
    rows = {
        name: {
            "clean (%)": str(found["clean"]),
            "attacked (%)": str(found["attacked"]),
            "change (points)": str(found["change"]),
            "accuracy, clean (%)": f"{100 * accuracies[name]['clean'].value:.1f}",
            "accuracy, attacked (%)": f"{100 * accuracies[name]['attacked'].value:.1f}",
        }
        for name, found in scores.items()
    }
    table = pd.DataFrame(rows).T
    if all(np.isclose(accuracies[n][side].value, scores[n][side].value)
           for n in scores for side in ("clean", "attacked")):  # fmt: skip
        table = table.drop(columns=[name for name in table if name.startswith("accuracy")])
    return table.rename_axis(index=["network", "training"]) if rows else table


def wide_table(table: pd.DataFrame) -> Styler:
    """A wide table: no line break inside a cell, but between the words of a heading."""
    small = {"selector": "td, th", "props": "font-size: 12px; padding: 4px 5px"}
    whole = {"selector": "td, th.row_heading", "props": "white-space: nowrap"}
    return table.style.set_table_styles([small, whole])


def pair_table(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs from `compare` for the reader: points with interval, p-values, trainings, verdict."""
    points = with_interval(pairs[["value", "low", "high"]]) if len(pairs) else []
    text = {"A": pairs["A"], "B": pairs["B"], "A minus B (points)": points}
    text |= {name: [_probability(p) for p in pairs[name]] for name in ("p", "p (Holm)")}
    text["based on"] = pairs["trainings"].map(count_trainings)
    return pd.DataFrame({**text, "verdict": pairs["verdict"]})


def prose_table(table: pd.DataFrame) -> Styler:
    """A table of sentences, aligned on the left."""
    return table.style.set_table_styles(LEFT)


def _probability(p: float) -> str:
    if p != p:  # no test
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
