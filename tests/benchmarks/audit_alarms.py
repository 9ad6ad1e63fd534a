"""Faults of a whole folder: does the check that should see them raise a warning, and only then?

    [DATA_ROOT=/data] python tests/benchmarks/audit_alarms.py [IMAGES]

Of each drawn kind, and of each data set in DATA_ROOT, folders are written twice, with and without
the fault; the check alone is made. A table is kept.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
from audit_calibration import DRAWN, SETS, SIZE, TEST_SHARE, Picture, pictures
from PIL import Image
from side_by_side import keep

from utils.audit.folder import read_folder
from utils.audit.registry import CHECKS
from utils.data.phantoms import draw

REPEATS, VIEWS, DRIFT = 2, 3, 40  # folders of each kind; images of a patient; grey levels
RAISED = ("warning", "alarm")
ABOUT = """Folders of {count} images with a fault that no single file shows, and the same folders
    without it, {repeats} of each set; *raised* are warnings and alarms of the check that should see
    it. Patients are named in a table, or not at all. Drawn sets: {drawn}; real
    ones: {real}, whose own faults may be raised with or without the planted one; of the X-rays
    alone patients are known, from their names. So few folders bound a false rate only coarsely."""


class Row(NamedTuple):
    """An image of a folder, as a table lists it."""

    image: Image.Image
    label: str
    name: str
    part: str = ""
    patient: str = ""
    kind: str = "png"


def plain(given, rng):
    """Images in training and test by chance."""
    return [
        Row(each.open(), each.label, f"{n:05}", ("train", "test")[rng.random() < TEST_SHARE])
        for n, each in enumerate(given)
    ]


def brighter_test(given, rng, planted):
    """The test images come from another device."""
    return [
        row._replace(image=row.image.point(lambda v: min(255, int(0.9 * v + 25))))
        if planted and row.part == "test" else row
        for row in plain(given, rng)
    ]  # fmt: skip


def saved_otherwise(given, rng, planted):
    """Most images of the first class were saved by another program."""
    first = min(each.label for each in given)
    return [
        row._replace(kind="jpg", part="")
        if planted and (row.label == first) == (rng.random() < 0.9) else row._replace(part="")
        for row in plain(given, rng)
    ]  # fmt: skip


def darkening(given, rng, planted):
    """A lamp ages from the first file to the last."""
    order, count = rng.permutation(len(given)), len(given)
    fall = DRIFT * planted / count
    return [
        Row(
            given[place].open().point(lambda v, n=n: max(0, int(v - n * fall))),
            given[place].label, f"scan{n:05}",
        )
        for n, place in enumerate(order)
    ]  # fmt: skip


def patients_apart(given, rng, planted, named):
    """Every patient is in one part; with the fault each image is in any."""
    patients = np.array([each.name.rpartition("_")[0] for each in given])
    tested = rng.permutation(np.unique(patients))[: int(TEST_SHARE * len(set(patients)))]
    inside = rng.random(len(given)) < TEST_SHARE if planted else np.isin(patients, tested)
    return [
        Row(each.open(), each.label, f"{n:05}", ("train", "test")[test], patient if named else "")
        for n, (each, patient, test) in enumerate(zip(given, patients, inside, strict=True))
    ]


def one_name(given, rng, planted):
    """Most images have a placeholder for the name of their patient."""
    return [
        row._replace(patient="anonymous" if planted and rng.random() < 0.6 else row.name)
        for row in plain(given, rng)
    ]


class Fault(NamedTuple):
    check: str
    write: Callable
    patients: bool = False  # images of the same patients are needed


FAULTS = {
    "the test set is brighter": Fault("Training against test", brighter_test),
    "a class saved as JPEG": Fault("Shortcuts", saved_otherwise),
    "darker from file to file": Fault("Order of files", darkening),
    "one name for most images": Fault("Patients", one_name),
    "named patients in both parts": Fault(
        "Leakage between parts", lambda *given: patients_apart(*given, named=True), True
    ),
    "unnamed patients in both parts": Fault(
        "Leakage between parts", lambda *given: patients_apart(*given, named=False), True
    ),
}


def severity(rows: list[Row], check: str) -> str:
    with TemporaryDirectory() as place:
        table = []
        for row in rows:
            path = Path(place) / "images" / f"{row.name}.{row.kind}"
            path.parent.mkdir(exist_ok=True)
            row.image.save(path)
            table.append({"path": path, "label": row.label, "patient": row.patient,
                          "split": row.part})  # fmt: skip
        table = pd.DataFrame(table)
        table = table.loc[:, (table != "").any()]  # a column without a value is none
        table.to_csv(Path(place) / "table.csv", index=False)
        return CHECKS[check](read_folder(f"{place}/table.csv", cache=place)).severity


def given_for(name: str, count: int, patients: bool) -> list[Picture]:
    if not patients:
        return pictures(name, count)
    if name not in DRAWN:  # of the X-rays of ill children names tell the patients
        some = [p for p in pictures(name, 10**6) if p.name.startswith("person")]
        some = [Picture(f"{p.name.partition('_')[0]}_{n}", p.name.split("_")[1], p.open)
                for n, p in enumerate(some)]  # fmt: skip
        several = pd.Series([p.name.partition("_")[0] for p in some]).duplicated(keep=False)
        some = [p for p, kept in zip(some, several, strict=True) if kept]
        return sorted(some, key=lambda each: each.name)[:count]
    split = draw(name, SIZE, count // VIEWS, seed=12, views=VIEWS)
    arrays = split.images.permute(0, 2, 3, 1).squeeze(-1).numpy()
    facts = zip(arrays, split.labels.tolist(), split.groups.tolist(), strict=True)
    return [Picture(f"{patient:04}_{n}", split.class_names[label],
                    lambda a=a: Image.fromarray(a))
            for n, (a, label, patient) in enumerate(facts)]  # fmt: skip


def raised(name: str, count: int) -> pd.DataFrame:
    """A line for each fault, with the number of folders that were raised."""
    rows = []
    for fault, (check, write, patients) in FAULTS.items():
        if patients and name not in (*DRAWN, "chest_xray"):
            continue
        given = given_for(name, count, patients)
        for planted in (True, False):
            found = [
                severity(write(given, np.random.default_rng(seed), planted), check)
                for seed in range(REPEATS)
            ]
            print(name, fault, planted, found, flush=True)
            rows += [{"set": name, "fault": fault, "check": check, "planted": planted,
                      "raised": each in RAISED} for each in found]  # fmt: skip
    return pd.DataFrame(rows)


def lines(table: pd.DataFrame):
    for fault, each in table.groupby("fault", sort=False):
        sides = {planted: part for planted, part in each.groupby("planted")}
        missed = sides[True]["set"][~sides[True]["raised"]].unique()
        wrong = sides[False]["set"][sides[False]["raised"]].unique()
        yield {
            "fault": fault, "check": each["check"].iloc[0],
            "raised with it": f"{sides[True]['raised'].sum()} of {len(sides[True])}",
            "not raised in": ", ".join(missed) or "-",
            "raised without it": f"{sides[False]['raised'].sum()} of {len(sides[False])}",
            "there": ", ".join(wrong) or "-",
        }  # fmt: skip


def main(count: int) -> None:
    names, tables = [*DRAWN, *(SETS if "DATA_ROOT" in os.environ else ())], []
    for number, name in enumerate(names, 1):
        tables.append(raised(name, count))
        real = ", ".join(n for n in names[:number] if n in SETS) or "none here"
        drawn = ", ".join(n for n in names[:number] if n in DRAWN)
        about = ABOUT.format(count=count, repeats=REPEATS, drawn=drawn, real=real)
        table = pd.DataFrame(lines(pd.concat(tables, ignore_index=True)))
        keep("audit_alarms", "Faults of whole folders in an audit", about, table)


if __name__ == "__main__":
    main(int((sys.argv + ["240"])[1]))
