"""The images that a model is examined on: a folder, a table, or the test part of a data set."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from utils.data.formats.table import read_table
from utils.data.listing import PARTS
from utils.data.loading import cache_of, load
from utils.data.names import is_path, is_table, resolve_path
from utils.data.source import source_of
from utils.data.split import Split

OWN_COLUMNS = ("path", "label", "patient", "split", "source", "sure")  # no groups of images


@dataclass(frozen=True)
class ExaminedImages:
    """Images with their labels, and what a table says about each of them.

    `unread` are the files that are not among them, with the reason; `part` is the official part
    that they are, if the folder or the table has parts.
    """

    split: Split
    columns: pd.DataFrame
    unread: tuple[tuple[str, str], ...] = ()
    part: str = ""


def read_examined(
    name: str, size: int, classes: str = "", root: str | None = None, part: str = "test"
) -> ExaminedImages:
    """The images at a path, or of this part of a data set by its name, in this order of classes.

    Where a folder or a table has this part, such as "test" beside "train", only its images count.
    `classes` is a text file with a class on each line, or the names with commas between them.
    """
    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, got {size}")
    unread, named = (), ""
    if is_path(name):
        source = source_of(name, root)
        found = source.read(size, cache_of(source))
        split, unread = found.split, tuple(found.quarantine)
        if (chosen := found.parts == part).any():
            split, named = split.take(np.flatnonzero(chosen)), part
    else:
        split = getattr(load(name, size, root, findings=True), part)
    split = in_order(split, class_order(classes)) if classes else split
    return ExaminedImages(split, columns_of(name, split), unread, named)


def read_known(
    train: str, data: str, split: Split, size: int, classes: str = "", root: str | None = None
) -> Split:
    """The images of the training; those of another place than `data` have other patient numbers
    than the images `split` that are examined."""
    known = read_examined(train, size, classes, root, "train").split
    return known if str(train) == str(data) else numbered_apart(known, split)


def numbered_apart(known: Split, split: Split) -> Split:
    """The known images with patient numbers that the others do not have.

    Two folders number their patients each for itself: equal numbers are no equal patients, so
    nothing is known about patients in both.
    """
    if known.groups is None or split.groups is None:
        return replace(known, groups=None)
    apart = known.groups + int(split.groups.max()) + 1
    return replace(known, groups=apart, patients_known=False)


def class_order(classes: str) -> tuple[str, ...]:
    """The names in a file, a class on each line, or between commas."""
    path = Path(classes)
    names = path.read_text(encoding="utf-8").splitlines() if path.is_file() else classes.split(",")
    return tuple(filter(None, (name.strip() for name in names)))


def in_order(split: Split, names: tuple[str, ...]) -> Split:
    """The same images with the classes in the order of the model's outputs.

    A model may know more classes than these images have.
    """
    if missing := [name for name in split.class_names if name not in names]:
        raise ValueError(
            f"the images have the class {missing[0]!r}, and --classes names {', '.join(names)}; "
            "give every class of the model in the order of its outputs"
        )
    if len(set(names)) < len(names):
        raise ValueError(f"--classes names a class twice: {', '.join(names)}")
    places = torch.tensor([names.index(name) for name in split.class_names])
    if split.has_findings:
        columns = torch.zeros(len(split), len(names), dtype=split.labels.dtype)
        columns[:, places] = split.labels
        return replace(split, labels=columns, class_names=names)
    return replace(split, labels=places[split.labels], class_names=names)


def columns_of(name: str, split: Split) -> pd.DataFrame:
    """The columns of a table that are no path, label or patient, in the order of the images."""
    path = Path(resolve_path(name)) if is_path(name) else None
    if path is None or not is_table(path) or split.files is None:
        return pd.DataFrame()
    table = read_table(path, tuple(PARTS))
    table = table.drop_duplicates("path")
    table.index = [str(path.parent / file) for file in table["path"]]
    others = [column for column in table if column not in OWN_COLUMNS]
    return table.reindex(list(split.files))[others].fillna("").reset_index(drop=True)
