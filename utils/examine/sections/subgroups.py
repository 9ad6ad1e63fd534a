"""Is the model as good for everybody? The same scores for each group that a table names."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import score_of
from utils.evaluation.resampling import ALPHA
from utils.examine.section import Section, does_not_apply, points
from utils.examine.subject import Subject

LEAST = 20  # images of a group: fewer say nothing
MOST = 12  # values of a column that is taken for groups
GREAT = 0.05  # of accuracy, the lower bound of a gap


def ask_subgroups(subject: Subject) -> Section:
    """Accuracy in each group of each column, and the largest gap."""
    columns = {name: values for name, values in subject.columns.items() if _are_groups(values)}
    if not columns:
        return does_not_apply(
            "No column of a table names groups of images.",
            "Add columns such as sex, age group, site or device to the table of images.",
        )
    rows, gaps = {}, {}
    for name, values in columns.items():
        groups = {value: np.flatnonzero(values == value) for value in sorted(set(values))}
        groups = {value: where for value, where in groups.items() if len(where) >= LEAST}
        found = {
            v: score_of(subject.clean.take(where), subject.share) for v, where in groups.items()
        }
        rows |= {(name, value): (len(groups[value]), str(each)) for value, each in found.items()}
        found = {value: each for value, each in found.items() if np.isfinite(each.value)}
        gaps[name] = _largest_gap(found) if found else Interval(0.0, 0.0, 0.0)
    name = max(gaps, key=lambda key: gaps[key].value)
    gap, compared = gaps[name], sum(max(0, len(set(v)) - 1) for v in columns.values())
    great = gap.low > GREAT
    table = pd.DataFrame(rows, index=["images", f"{subject.share} (%)"]).T
    return Section(
        "warning" if great else "ok",
        f"The largest gap between two groups is {points(gap)} of {subject.share}, by {name}.",
        f"Groups of fewer than {LEAST} images are left out. The gap is that of the best and the "
        f"worst group, so chance alone makes some gap; its interval is widened for the {compared} "
        "comparisons. Groups may differ in how hard their images are.",
        f"Look at the images of the worst group by {name}; get more of them for training."
        if great else "",
        table.rename_axis(["column", "group"]).reset_index(),
        numbers={f"gap by {key}": each for key, each in gaps.items()},
    )  # fmt: skip


def _are_groups(values: pd.Series) -> bool:
    counts = values[values != ""].value_counts()
    return 2 <= len(counts) <= MOST and counts.iloc[1] >= LEAST


def _largest_gap(found: dict[str, Interval]) -> Interval:
    """Of the best and the worst group, with an interval for all pairs that could have been it."""
    best = max(found.values(), key=lambda each: each.value)
    worst = min(found.values(), key=lambda each: each.value)
    pairs = max(1, len(found) * (len(found) - 1) // 2)
    spread = np.hypot(best.value - best.low, worst.high - worst.value)
    wider = spread * _factor(pairs)
    value = best.value - worst.value
    return Interval(value, max(0.0, value - wider), min(1.0, value + wider))


def _factor(pairs: int) -> float:
    """How much wider than a 95 % interval one is that holds for all pairs (Bonferroni)."""
    return float(norm.ppf(1 - ALPHA / 2 / pairs) / norm.ppf(1 - ALPHA / 2))
