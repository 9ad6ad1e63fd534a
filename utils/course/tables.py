"""What a notebook needs to tell its story: sources, settings, tables that read well."""

import inspect
from collections.abc import Callable, Mapping

import pandas as pd
from IPython.display import Code
from pandas.io.formats.style import Styler

from utils.evaluation.attack_suite import ordered_conditions
from utils.evaluation.metrics import drops, gains, score_of, scores
from utils.evaluation.predictions import Predictions


def show_source(thing) -> Code:
    """The code itself, where the code is the lesson."""
    return Code(inspect.getsource(thing), language="python")


def settings(names: Mapping[str, object]) -> dict:
    """The parameters of a notebook, from its `globals()`: whatever is named in capitals."""
    plain = (str, int, float, bool, tuple, type(None))
    kept = {name: v for name, v in names.items() if name.isupper() and isinstance(v, plain)}
    # where files lie on one machine is nobody else's business
    return {name: value for name, value in kept.items() if not name.endswith("_ROOT")}


def with_interval(table: pd.DataFrame, scale: float = 100, digits: int = 1) -> pd.Series:
    """Rows of value, low and high as text."""
    return table.apply(interval_text, axis=1, scale=scale, digits=digits)


def interval_text(row: pd.Series, scale: float = 100, digits: int = 1) -> str:
    """Value, low and high: "85.0 (80.1 to 89.2)"."""
    if pd.isna(row["value"]):
        return "undefined"
    shown = (scale * row[["value", "low", "high"]].astype(float)).round(digits) + 0.0  # never -0
    return "{} ({} to {})".format(*(f"{number:.{digits}f}" for number in shown))


def score_table(by_condition: Mapping[str, Predictions]) -> pd.DataFrame:
    """One row per condition, one column per score in percent, each with its 95 % interval."""
    rows = {name: with_interval(scores(p)) for name, p in by_condition.items()}
    return pd.DataFrame(rows).T.rename(columns=lambda name: f"{name} (%)")


def drop_table(by_condition: Mapping[str, Predictions], normal: str = "clean") -> pd.DataFrame:
    """One row per condition: percent of the normal score that it takes away, with interval."""
    rows = {
        name: with_interval(drops(by_condition[normal], p), scale=1)
        for name, p in by_condition.items()
        if name != normal
    }
    return pd.DataFrame(rows).T.rename(columns=lambda name: f"drop of {name} (%)")


def gain_table(before: Mapping[str, Predictions], after: Mapping[str, Predictions]) -> pd.DataFrame:
    """One row per condition: points that the second model has more than the first."""
    rows = {name: with_interval(gains(before[name], after[name])) for name in after}
    return pd.DataFrame(rows).T.rename(columns=lambda name: f"{name} (points)")


def share_table(shares: pd.DataFrame) -> pd.DataFrame:
    """Right, of how many, and the share in percent with its interval; beside it what luck gives."""
    table = shares[["right", "of"]].astype(int).assign(**{"share (%)": with_interval(shares)})
    if "chance" in shares:
        table["by a coin (%)"] = 100 * shares["chance"]
        table["p"] = shares["p"].map("{:.2g}".format)
    return table


def accuracy_table(models: Mapping[tuple, Mapping[str, Predictions]]) -> pd.DataFrame:
    """One row per (run, variant), one column per condition: accuracy in whole percent."""
    return _wide(models, lambda answers, name: (score_of(answers[name]), 100))


def combined_drop_table(models: Mapping[tuple, Mapping[str, Predictions]]) -> pd.DataFrame:
    """The same for the combined drop, of all models that were asked about clean images."""
    with_clean = {name: answers for name, answers in models.items() if "clean" in answers}
    table = _wide(
        with_clean, lambda found, name: (drops(found["clean"], found[name]).loc["combined"], 1)
    )
    return table.drop(columns="clean", errors="ignore")


def wide_table(table: pd.DataFrame) -> Styler:
    """A wide table: no line is broken inside a cell, and the heads may break between words."""
    small = {"selector": "td, th", "props": "font-size: 12px; padding: 4px 5px"}
    whole = {"selector": "td, th.row_heading", "props": "white-space: nowrap"}
    return table.rename(columns=lambda name: name.replace("_", " ")).style.set_table_styles(
        [small, whole]
    )


def pair_table(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs from `compare` as a reader wants them: points with interval, p-values, verdict."""
    text = {
        "A": pairs["A"],
        "B": pairs["B"],
        "A minus B (points)": with_interval(pairs[["value", "low", "high"]]) if len(pairs) else [],
        **{name: [_probability(p) for p in pairs[name]] for name in ("p", "p (Holm)")},
        "verdict": pairs["verdict"],
    }
    return pd.DataFrame(text)


def prose_table(table: pd.DataFrame) -> Styler:
    """A table of sentences, which read better from the left."""
    left = {"selector": "th, td", "props": "text-align: left; vertical-align: top"}
    return table.style.set_table_styles([left])


def flag_table(flags: pd.DataFrame) -> pd.DataFrame:
    """Red flags as a reader wants them: the red ones say why."""
    return pd.DataFrame(
        {"flag": flags["flag"], "verdict": [f"RED: {w}" if w else "no" for w in flags["reason"]]}
    ).set_index("flag")


def _wide(models: Mapping, cell: Callable) -> pd.DataFrame:
    """Whole numbers with interval by (run, variant) and condition; a dash where nobody asked."""
    conditions = ordered_conditions(name for answers in models.values() for name in answers)
    rows = {}
    for model, answers in models.items():
        found = {name: cell(answers, name) for name in conditions if name in answers}
        table = pd.DataFrame({name: scale * row for name, (row, scale) in found.items()}).T
        rows[model] = with_interval(table, scale=1, digits=0)
    table = pd.DataFrame(rows, index=conditions).T.fillna("–")
    return table.rename_axis(index=["run", "variant"][: table.index.nlevels])


def _probability(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
