"""What the name of a file may say about a person: a date, an address, a name."""

import re
from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np
import pandas as pd

YEARS = range(1900, 2050)
APART = re.compile(r"(?<!\d)(\d{1,4})([-_.])(\d{1,2})\2(\d{1,4})(?!\d)")
TOGETHER = re.compile(r"(?<!\d)\d{8}(?!\d)")
MOSTLY = 0.5  # of the numbers of eight digits: where fewer are dates, chance made them look so
ADDRESS = re.compile(r"[^/\\]+\^[^/\\]+|[\w.]+@\w+\.\w+")
WORD = r"([^\W\d_]{3,})(?![^\W\d_])"
PAIR = re.compile(rf"(?<![^\W\d_]){WORD}[-_., ]+(?={WORD})")
# Two words on more files, and on a larger share of them, are what the files are called.
FEW, RARE = 20, 0.01


def hold_dates_or_addresses(paths: Sequence[str]) -> np.ndarray:
    """Whether each path holds a date of a day, an e-mail address or a `^`.

    Numbers of eight digits are dates only if most of those in all paths would be one.
    """
    together = [TOGETHER.findall(path) for path in paths]
    numbers = {digits for each in together for digits in each}
    dates = {digits for digits in numbers if _is_compact_date(digits)}
    dates = dates if len(dates) > MOSTLY * len(numbers) else set()
    found = [
        bool(ADDRESS.search(path)) or _holds_date(path) or not dates.isdisjoint(each)
        for path, each in zip(paths, together, strict=True)
    ]
    return np.array(found, bool)


def may_hold_names(paths: Sequence[str], class_names: Iterable[str]) -> np.ndarray:
    """Whether two capitalised words stand together that are no class and no common description."""
    labels = {word.lower() for name in class_names for word in re.findall(r"[^\W\d_]+", name)}
    pairs = [
        {words for words in PAIR.findall(path) if all(map(str.istitle, words))} for path in paths
    ]
    counts = pd.Series([pair for each in pairs for pair in each], dtype=object).value_counts()
    usual = set(counts.index[counts > max(FEW, RARE * len(paths))])
    return np.array(
        [
            any(p not in usual and not {*map(str.lower, p)} <= labels for p in each)
            for each in pairs
        ],
        bool,
    )


def _holds_date(path: str) -> bool:
    """2019-03-12, 12.03.2019 or 03-12-2019; single digits, as in 1.3.2019, only between dots."""
    for first, mark, middle, last in APART.findall(path):
        padded = mark == "." or 1 not in (len(first), len(middle), len(last))
        orders = ((first, middle, last), (last, middle, first), (last, first, middle))
        if padded and any(_is_date(*order) for order in orders):
            return True
    return False


def _is_compact_date(digits: str) -> bool:
    """20190312, 12032019 or 03122019."""
    orders = ((slice(0, 4), slice(4, 6), slice(6, 8)), (slice(4, 8), slice(2, 4), slice(0, 2)),
              (slice(4, 8), slice(0, 2), slice(2, 4)))  # fmt: skip
    return any(_is_date(*(digits[part] for part in order)) for order in orders)


def _is_date(year: str, month: str, day: str) -> bool:
    if len(year) != 4 or int(year) not in YEARS:
        return False
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True
