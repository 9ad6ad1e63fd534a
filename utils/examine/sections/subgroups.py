"""Is the model as good for everybody? The same scores for each group that a table names."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import norm

from utils.evaluation.intervals import UNDEFINED, Interval
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import Predictions
from utils.evaluation.resampling import ALPHA
from utils.examine.section import Section, does_not_apply, points
from utils.examine.subject import Subject

LEAST = 20  # images of a group, and of a score: fewer say nothing
MOST = 12  # values of a column that is taken for groups
GREAT = 0.05  # of a score, the lower bound of a gap
SCORES = ("accuracy", "balanced accuracy", "missed disease", "AUC")
ALL_CLASSES = ("balanced accuracy", "AUC")  # means over classes: all groups need the same ones
GAP = "largest gap (points)"

Groups = Mapping[str, np.ndarray]  # the rows of each group


def ask_subgroups(subject: Subject) -> Section:
    """The scores of each group of each column, and the largest gap of each score."""
    columns = {name: values for name, values in subject.columns.items() if _are_groups(values)}
    if not columns:
        return does_not_apply(
            "No column of a table names groups of images.",
            "Add columns such as sex, age group, site or device to the table of images.",
        )
    names = (subject.share,) if subject.several else SCORES
    groups = {name: _large(values) for name, values in columns.items()}
    pairs = len(names) * sum(len(each) * (len(each) - 1) // 2 for each in groups.values())
    found = {name: _scores(subject.clean, each, names) for name, each in groups.items()}
    gaps = {
        (score, column): largest_gap(values[score], pairs)
        for column, values in found.items() for score in names
    }  # fmt: skip
    score, column = max(gaps, key=lambda key: (gaps[key].low, gaps[key].value))
    gap = gaps[score, column]
    great = gap.low > GREAT
    return Section(
        "warning" if great else "ok",
        f"The clearest gap between two groups is {points(gap)} of {score}, by {column}.",
        f"Groups of fewer than {LEAST} images are left out. A mean over classes is undefined for "
        f"a group that lacks one, and a rate for fewer than {LEAST} images. A gap is that of the "
        "best and the worst group, so chance alone makes some gap; its interval is widened for "
        f"the {pairs} comparisons. Groups may differ in how hard their images are.",
        f"Look at the images of the worst group by {column}; get more of them for training."
        if great else "",
        pd.concat([_table(name, groups[name], found[name], gaps) for name in columns]),
        numbers={f"gap of {score} by {column}": gaps[score, column] for score, column in gaps},
    )  # fmt: skip


def _are_groups(values: pd.Series) -> bool:
    counts = values[values != ""].value_counts()
    return 2 <= len(counts) <= MOST and counts.iloc[1] >= LEAST


def _large(values: pd.Series) -> Groups:
    """The groups that are large enough; images without a value are in none."""
    rows = {value: np.flatnonzero(values == value) for value in sorted(set(values) - {""})}
    return {value: each for value, each in rows.items() if len(each) >= LEAST}


def _scores(clean: Predictions, groups: Groups, names: tuple[str, ...]) -> dict:
    """Each score by group."""
    parts = {value: clean.take(rows) for value, rows in groups.items()}
    return {
        name: {value: _defined(part, name, clean) for value, part in parts.items()}
        for name in names
    }


def _defined(part: Predictions, name: str, whole: Predictions) -> Interval:
    """The score of a group, if it has the images that the score is about."""
    diseased = part.labels.ndim == 1 and int((part.labels > 0).sum())
    if name == "missed disease" and diseased < LEAST:
        return UNDEFINED
    if part.labels.ndim == 1 and name in ALL_CLASSES and set(part.labels) != set(whole.labels):
        return UNDEFINED
    return score_of(part, name)


def largest_gap(found: Mapping[str, Interval], pairs: int) -> Interval:
    """Of the best and the worst group, with an interval for all pairs that could have been it."""
    known = [each for each in found.values() if np.isfinite(each.value)]
    if len(known) < 2:
        return Interval(0.0, 0.0, 0.0)
    best = max(known, key=lambda each: each.value)
    worst = min(known, key=lambda each: each.value)
    spread = np.hypot(best.value - best.low, worst.high - worst.value)
    wider = spread * _factor(max(1, pairs))
    value = best.value - worst.value
    return Interval(value, max(0.0, value - wider), min(1.0, value + wider))


def _factor(pairs: int) -> float:
    """How much wider than a 95 % interval one is that holds for all pairs (Bonferroni)."""
    return float(norm.ppf(1 - ALPHA / 2 / pairs) / norm.ppf(1 - ALPHA / 2))


def _table(column: str, groups: Groups, found: dict, gaps: dict) -> pd.DataFrame:
    """A row for each group, and the gaps of the column."""
    rows = {value: [len(rows)] + [str(each[value]) for each in found.values()]
            for value, rows in groups.items()}  # fmt: skip
    rows[GAP] = [sum(map(len, groups.values())), *(str(gaps[name, column]) for name in found)]
    table = pd.DataFrame(rows, index=["images", *(f"{name} (%)" for name in found)]).T
    return table.rename_axis("group").reset_index().assign(column=column).pipe(_column_first)


def _column_first(table: pd.DataFrame) -> pd.DataFrame:
    return table[["column", *table.columns.drop("column")]]
