"""The check of the order of files: do images or classes change from the first to the last?"""

import numpy as np
import pandas as pd

from utils.audit.file_order import (
    FileOrder,
    changes_along,
    classes_along,
    neighbouring_files,
    order_by_date,
    order_by_number,
)
from utils.audit.finding import Finding, count_of, not_applicable, skipped
from utils.audit.folder import ImageFolder
from utils.audit.headers import acquisition_times
from utils.audit.patients.groups import MIN_FOLDER_IMAGES
from utils.audit.shortcuts import image_facts
from utils.evaluation.resampling import ALPHA, holm, p_value

SAMPLE = 5000  # images: more would hardly narrow the intervals
LEAST = 0.1  # a change is named if its interval begins beyond this correlation
SHIFTED = 0.2  # where pixels and classes both change by more, a network can learn the time
STRONG = 0.5  # pixels alone
NAMED = 3  # changes in the first sentence; the table has all
CLASS = "class "  # before the name of a class that stands early or late
COLUMNS = ["order", "what", "correlation", "low", "high", "p"]


def check_order(folder: ImageFolder) -> Finding:
    """Does brightness drift along the files, and were the classes acquired one after another?"""
    if len(folder) < MIN_FOLDER_IMAGES:
        return skipped(f"Fewer than {MIN_FOLDER_IMAGES} images: too few to see a drift.")
    rows = np.sort(np.random.default_rng(0).permutation(len(folder))[:SAMPLE])
    orders = file_orders(folder, rows)
    if not orders:
        return not_applicable(
            "No dates in headers, and no numbers in names that put enough files into an order."
        )
    table = order_table(folder, rows, orders)
    sure = table[_is_sure(table)]
    return Finding(
        _severity(sure),
        _in_words(sure, orders),
        "What changes from the first file to the last, among images of the same class, is a lamp "
        "that ages, another device or another site, and no disease. Where the classes change along "
        "the same order, a network can learn the time instead of the disease. Numbers in names may "
        "be another order than that of acquisition, and only steady changes are seen: a change to "
        f"and fro is not. {_method(folder)}",
        "Find out what changed and when. Keep early and late images of every class in training and "
        "in test." if len(sure) else "",
        table.assign(**table[COLUMNS[2:5]].round(3), p=table["p"].round(4)),
    )  # fmt: skip


def file_orders(folder: ImageFolder, rows: np.ndarray) -> list[FileOrder]:
    """The orders in which enough of these images have a place."""
    facts = folder.facts.iloc[rows].reset_index(drop=True)
    orders = [
        order_by_date(acquisition_times(facts["file"], facts["format"]), facts["part"]),
        order_by_number(folder.relative_files[rows], facts["label"], facts["part"]),
    ]
    return [order for order in orders if len(order) >= MIN_FOLDER_IMAGES]


def order_table(folder: ImageFolder, rows: np.ndarray, orders: list[FileOrder]) -> pd.DataFrame:
    """What changes along each order, the largest changes first.

    P-values are corrected for all facts, classes and orders (Holm); without known patients there
    are none, and the intervals are over blocks of files that follow each other.
    """
    facts = folder.facts.iloc[rows].reset_index(drop=True)
    pixels = pd.concat(
        [image_facts(folder.images[rows]), facts[["bytes", "width", "height"]]], axis=1
    )
    labels, found = facts["label"].to_numpy(), []
    for order in orders:
        units = folder.groups[rows] if folder.knows_patients else neighbouring_files(order)
        changes = changes_along(order, pixels, labels, units)
        changes |= {CLASS + k: v for k, v in classes_along(order, labels, units).items()}
        found += [(order.name, what, *each, p_value(each)) for what, each in changes.items()]
    table = pd.DataFrame(found, columns=COLUMNS)
    table["p"] = holm(table["p"].to_numpy(float)) if folder.knows_patients else np.nan
    largest = table["correlation"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[largest].reset_index(drop=True)


def _near_end(table: pd.DataFrame) -> pd.Series:
    """The end of each interval that is nearer to 0, without its sign; 0 if it contains 0."""
    return np.maximum(table["low"], -table["high"]).clip(lower=0)


def _is_sure(table: pd.DataFrame) -> pd.Series:
    return (_near_end(table) > LEAST) & ~(table["p"] >= ALPHA)


def _severity(sure: pd.DataFrame) -> str:
    """A warning where one order changes pixels and classes, or the pixels very much."""
    is_class, near = sure["what"].str.startswith(CLASS), _near_end(sure)
    moved = [set(sure["order"][side & (near > SHIFTED)]) for side in (is_class, ~is_class)]
    if moved[0] & moved[1] or near[~is_class].max() > STRONG:
        return "warning"
    return "note" if len(sure) else "ok"


def _in_words(sure: pd.DataFrame, orders: list[FileOrder]) -> str:
    where = " and ".join(f"{order.name} ({count_of(len(order), 'image')})" for order in orders)
    if not len(sure):
        return f"Nothing is seen to change along the order by {where}."
    each = [
        f"{row.what} {row.correlation:+.2f} ({row.low:+.2f} to {row.high:+.2f}) by {row.order}"
        for row in sure.head(NAMED).itertuples()
    ]
    more = f" and {len(sure) - NAMED} more" if len(sure) > NAMED else ""
    return (
        f"Along the order by {where} there {'is' if len(sure) == 1 else 'are'} "
        f"{count_of(len(sure), 'change')} (rank correlation; 0 for none, + for more of it in late "
        f"files): {'; '.join(each)}{more}."
    )


def _method(folder: ImageFolder) -> str:
    if folder.knows_patients:
        return (
            f"Intervals are over {folder.group_description}; p-values are corrected for all facts."
        )
    return (
        "Patients are unknown: intervals are over blocks of files that follow each other, and "
        "there are no p-values."
    )
