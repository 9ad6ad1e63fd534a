"""Patients proposed from file names: the part of a name that groups files, such as `person12`.

Names of one form, equal but for their digits, are cut at the same place: the first at which many
files share the part before it, and no part is shared by very many. Whether these parts are patients
is judged by the images: those of a group should be more alike than others of their class.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from utils.data.patients.links import normalised
from utils.evaluation.intervals import UNDEFINED, Interval, mean_of

CUT = re.compile(r"[_\-. ]+|(?<=\d)(?=[^\W\d_])")  # a separator, or a letter after a digit
MIN_FILES = 20  # of one form: fewer show no rule
MIN_SHARED = 0.1  # of these files: fewer share their part by chance
MAX_SHARE = 0.2  # of these files: a larger group is a class, a year or a device
MIN_GROUPS = 10  # fewer may be these, too
PAIRS = 2000  # of images of one group that are compared with others


def shared_parts(files: Sequence[str]) -> np.ndarray:
    """The part of the name that each file shares with others of its patient; "" if none groups."""
    names = np.array([Path(file).stem for file in files], dtype=object)
    forms = pd.Series([re.sub(r"\d+", "#", name) for name in names])
    parts = np.full(len(names), "", dtype=object)
    for rows in forms.groupby(forms).indices.values():
        parts[rows] = _first_grouping(names[rows])
    return parts


def _first_grouping(names: np.ndarray) -> np.ndarray:
    """The shortest part before a cut that groups these names of one form."""
    nothing = np.full(len(names), "", dtype=object)
    if len(names) < MIN_FILES:
        return nothing
    cuts = [[cut.start() for cut in CUT.finditer(name)] for name in names]
    for places in zip(*cuts, strict=False):
        parts = [name[:place] for name, place in zip(names, places, strict=True)]
        if _are_groups(pd.Series(parts).value_counts()):
            return np.array(parts, dtype=object)
    return nothing


def _are_groups(sizes: pd.Series) -> bool:
    """Whether so many files share so small parts that these may be patients."""
    files, shared = sizes.sum(), sizes[sizes > 1].sum()
    small = sizes.max() <= MAX_SHARE * files
    return bool(len(sizes) >= MIN_GROUPS and small and shared >= MIN_SHARED * files)


def likeness(
    pixels: np.ndarray, labels: np.ndarray, groups: np.ndarray, copies: np.ndarray, seed: int = 0
) -> Interval:
    """How often an image is closer to one of its group than to one of its class elsewhere.

    0.5 means that the groups say nothing about the images. `copies` are numbers, equal for
    identical pixels; they do not count.
    """
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(groups)), groups))
    first, second = order[:-1], order[1:]
    pairs = (groups[first] == groups[second]) & (copies[first] != copies[second])
    first, second = first[pairs][:PAIRS], second[pairs][:PAIRS]
    others = np.array([_other(row, labels, groups, rng) for row in first], dtype=int)
    known = others >= 0
    if not known.any():
        return UNDEFINED
    pictures = normalised(pixels)
    first, second, others = (rows[known] for rows in (first, second, others))
    apart, usual = (np.square(pictures[first] - pictures[r]).mean(1) for r in (second, others))
    return mean_of(apart < usual, groups[first])


def _other(row: int, labels: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> int:
    """An image of the same class and another group; -1 if there is none."""
    rows = np.flatnonzero((labels == labels[row]) & (groups != groups[row]))
    return int(rng.choice(rows)) if len(rows) else -1
