"""The order of files, by date or by the numbers in their names, and what changes along it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
import pandas as pd

from utils.audit.patients.groups import MIN_FOLDER_IMAGES
from utils.audit.shortcuts import grouped_auc
from utils.data.listing import PARTS
from utils.evaluation.intervals import Interval, grouped_arm

LEAST_PLACES = 10  # different ones: fewer dates or numbers are hardly an order
NUMBERED_ALIKE = 0.1  # of the files have the number of one in another class: each has its own row
LEAST_UNITS = 5  # patients of a class, and of the other classes
BLOCK, LEAST_BLOCKS = 10, 20  # neighbouring files that count as one where patients are unknown


@dataclass(frozen=True)
class FileOrder:
    """Where each image stands in a row of files that can be compared.

    `places` go from 0, the first of its row, to 1; `rows` are numbers, -1 for an image without a
    place.
    """

    name: str
    places: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return int((self.rows >= 0).sum())


def order_by_date(times: np.ndarray, parts: pd.Series) -> FileOrder:
    """A row for each part: a test set from a later year is a choice, and no drift."""
    return _order("date", pd.Series(times), parts)


def order_by_number(files: Sequence[str], labels: pd.Series, parts: pd.Series) -> FileOrder:
    """A row for each part and form of names, equal but for their digits, such as `scan#_#`.

    Folders of classes and parts are no part of the name. Classes that begin anew with the same
    numbers are rows of their own: their numbers cannot be compared.
    """
    names = [_below(file, label) for file, label in zip(files, labels, strict=True)]
    numbers = [tuple(map(int, re.findall(r"\d+", name))) for name in names]
    ranks = {number: rank for rank, number in enumerate(sorted(set(numbers)))}
    table = pd.DataFrame({
        "part": parts, "form": [re.sub(r"\d+", "#", name) for name in names], "label": labels,
        "rank": [ranks[number] for number in numbers],
    })  # fmt: skip
    alike = table.groupby(["part", "form", "rank"])["label"].transform("nunique") > 1
    own = alike.groupby([table["part"], table["form"]]).transform("mean") > NUMBERED_ALIKE
    rows = table["part"] + "\n" + table["form"] + np.where(own, "\n" + table["label"], "")
    values = table["rank"].where([bool(number) for number in numbers])
    return _order("number in the name", values, rows)


def _below(file: str, label: str) -> str:
    """The name of a file with its folders, but for those of its class and part."""
    path = PurePath(file)
    kept = [part for part in path.parts[:-1] if part != label and part.lower() not in PARTS]
    return "/".join([*kept, path.stem])


def _order(name: str, values: pd.Series, rows: pd.Series) -> FileOrder:
    """Rows of too few files or too few different places are left out."""
    known = values.notna()
    grouped = values.groupby(rows)
    kept = known & (grouped.transform("count") >= MIN_FOLDER_IMAGES)
    kept &= grouped.transform("nunique") >= LEAST_PLACES
    numbers = np.where(kept, pd.factorize(rows)[0], -1)
    ranks, counts = grouped.rank(), grouped.transform("count")
    return FileOrder(name, ((ranks - 0.5) / counts).where(kept).to_numpy(float), numbers)


def neighbouring_files(order: FileOrder) -> np.ndarray:
    """Blocks of files that follow each other: where patients are unknown, they may show one."""
    table = pd.DataFrame({"row": order.rows, "place": order.places})
    positions = table.groupby("row")["place"].rank(method="first").fillna(0) - 1
    sizes = table.groupby("row")["row"].transform("size")
    block = (sizes // LEAST_BLOCKS).clip(1, BLOCK)
    return pd.factorize(table["row"].astype(str) + " " + (positions // block).astype(str))[0]


def changes_along(
    order: FileOrder, facts: pd.DataFrame, labels: np.ndarray, units: np.ndarray
) -> dict[str, Interval]:
    """The rank correlation of each fact with the place, among images of one class and row."""
    kept = order.rows >= 0
    cells = [order.rows[kept], labels[kept]]
    places = _centred(pd.Series(order.places[kept]), cells)
    ranks = {name: _centred(facts[name][kept].reset_index(drop=True), cells) for name in facts}
    return {
        name: grouped_correlation(places, rank, units[kept])
        for name, rank in ranks.items()
        if rank.std() > 0
    }


def _centred(values: pd.Series, cells: list[np.ndarray]) -> np.ndarray:
    """Ranks within each cell, around 0 and as wide in every cell."""
    grouped = values.groupby(cells)
    return ((grouped.rank() - 0.5) / grouped.transform("size") - 0.5).to_numpy()


def grouped_correlation(first: np.ndarray, second: np.ndarray, groups: np.ndarray) -> Interval:
    """The correlation with its interval over groups, in closed form (from its influence)."""
    first, second = ((each - each.mean()) / each.std() for each in (first, second))
    value = (first * second).mean()
    influence = first * second - value * (first**2 + second**2) / 2
    arm = grouped_arm(influence, groups) / len(first)
    return Interval(float(value), float(max(-1, value - arm)), float(min(1, value + arm)))


def classes_along(order: FileOrder, labels: np.ndarray, units: np.ndarray) -> dict[str, Interval]:
    """Whether a class stands late (to 1) or early (to -1) in rows that hold several classes.

    It is the rank correlation with the class, 2 AUC - 1. Of two classes the second stands for both.
    """
    counts = pd.Series(labels).where(labels != "").groupby(order.rows).transform("nunique")
    kept = (order.rows >= 0) & (labels != "") & (counts >= 2).to_numpy()
    present = np.unique(labels[kept])
    found = {}
    for label in present[1:] if len(present) == 2 else present:
        own = labels[kept] == label
        if min(len(np.unique(units[kept][side])) for side in (own, ~own)) >= LEAST_UNITS:
            auc = grouped_auc(order.places[kept], own, units[kept])
            found[label] = Interval(*(2 * end - 1 for end in auc))
    return found
