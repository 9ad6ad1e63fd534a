"""The claims of the course, read from the records of its runs and kept in one committed file."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from utils import HOME
from utils.course.plan import Notebook, datasets_of, read_course
from utils.course.records import Record, read_records
from utils.evaluation.comparisons.claims import HOLDS, UNDECIDED
from utils.evaluation.intervals import Interval
from utils.files import write_json

FILE = "assets/course_claims.json"
CLAIMED = {"greater": "above {}", "less": "below -{}", "equal": "within -{0} and {0}"}
NOT_COUNTED = "–"
COLUMNS = (
    *("chapter", "claim", "A minus B", "claimed (points)", "found (points)", "verdict"),
    *("trainings", "patients"),
)


def claims_of(records: Iterable[Record]) -> list[dict]:
    """The rows of all claims in these records, each with its chapter and data set."""
    return [
        {"chapter": record.name, "dataset": record.dataset, **row}
        for record in records
        for row in record.claims
    ]


def as_committed(assets: Path) -> list[Record]:
    """The records of chapters that ran here as they are committed, with their own parameters."""
    course = read_course()
    known = [record for record in read_records(assets) if record.name in course]
    return [
        record
        for record in known
        if record.dataset in datasets_of(course[record.name].defaults)[:1]
        and _has_defaults(record.facts["parameters"], course[record.name])
    ]


def claim_table(rows: Iterable[dict]) -> pd.DataFrame:
    """Every claim for the reader: what was claimed, what was found, on how much, the verdict."""
    cells = [
        (
            row["chapter"],
            f"{row['name']}: {row['what']}",
            f"{row['A']} minus {row['B']}, {row['metric']}",
            CLAIMED[row["direction"]].format(f"{100 * row['margin']:g}"),
            interval_of(row).text(instead="no interval"),
            row["verdict"],
            NOT_COUNTED if row["about"] == "data" else row["trainings"],
            row["patients"] or NOT_COUNTED,
        )
        for row in rows
    ]
    return pd.DataFrame(cells, columns=COLUMNS)


def interval_of(row: dict) -> Interval:
    """The interval of a claim; JSON has null where there is none."""
    ends = (row[name] for name in Interval._fields)
    return Interval(*(np.nan if number is None else number for number in ends))


def found_in_words(row: dict) -> str:
    """What was found, for a sentence: "18.3 points (95 % interval 12.3 to 24.2)".

    Where A was claimed to be less, this is by how much it is. A claim that fails says so. A share
    that is compared with nothing is a share, in percent, and no difference in points.
    """
    interval = interval_of(row)
    if row["direction"] == "less":
        interval = Interval(-interval.value, -interval.high, -interval.low)
    value, low, high = (f"{100 * end:.1f}" for end in interval)
    verdict = "" if row["verdict"] == HOLDS else f"; the claim {row['verdict']}"
    unit = "%" if row["B"] == "none" else "points"
    return f"{value} {unit} (95 % interval {low} to {high}{verdict})"


def read_claims(home: Path) -> list[dict]:
    """The committed claims; none before the first run."""
    path = home / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def all_claims(records: Iterable[Record], home: Path = HOME) -> list[dict]:
    """The claims of these records; of a chapter without one, the committed claims."""
    rows = claims_of(records)
    own = {row["chapter"] for row in rows}
    rows += [row for row in read_claims(home) if row["chapter"] not in own]
    return sorted(rows, key=lambda row: row["chapter"])


def collect_claims(home: Path) -> list[dict]:
    """Bring the committed claims up to date with the records that lie here.

    Only a chapter that ran as it is committed counts: with its own data set, seed and parameters.
    Of a chapter without such a record the committed claims stay, so a fresh clone changes nothing.
    """
    course = read_course()
    rows = [r for r in all_claims(as_committed(home / "assets"), home) if r["chapter"] in course]
    write_json(home / FILE, rows)
    return rows


def refuse_undecided(rows: Iterable[dict]) -> None:
    """An undecided claim is a fault of the design of its chapter."""
    if names := [f"{row['chapter']}: {row['name']}" for row in rows if row["verdict"] == UNDECIDED]:
        raise ValueError(
            f"undecided: {'; '.join(names)}. Change the design of these chapters, such as the "
            "number of patients or trainings; the claims stay as they were declared"
        )


def _has_defaults(parameters: dict, notebook: Notebook) -> bool:
    try:
        return not notebook.overrides(parameters)
    except ValueError:  # a value that no run takes, such as one that stands for a private path
        return False
