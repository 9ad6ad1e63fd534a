"""What the audit finds, misses and names wrongly: planted faults and clean controls.

    [DATA_ROOT=/data] python tests/benchmarks/audit_calibration.py [IMAGES]

Of each drawn kind, and of each data set in DATA_ROOT, two folders are written, one with faults and
one without. Both are audited, and two tables are kept: what becomes of each fault, and what every
check names in the folders without any.
"""

import os
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
from audit_faults import FAULTS
from PIL import Image
from side_by_side import keep

from utils.audit import CHECKS, audit
from utils.data.phantoms import draw

SETS = {"chest_xray": "train", "blood_cells": "train", "alzheimer_mri": "test"}
DRAWN, SIZE = ("brain_phantom", "chest_phantom"), 96  # pixels
PAIR = ("test file", "training file")  # columns of a leak
TEST_SHARE, EACH = 0.25, 0.01  # of the images: in the test folder, with each fault
LEAST, MARKED = 3, 24  # images with each fault; with a mark, which chance could explain in fewer
FOUND = """Folders of {count} images of {sets}: {total} faulty files in all. A file with a fault may
    rightly be named by other checks too, so that *falsely named* are files without any fault, by
    the check or problem of this line, in the same folders: over all of them, and in the one where
    they are most."""
CLEAN = """Share of the images (%) that a check names in folders without planted faults, and how
    severe it finds the folder. Drawn images have one patient each and no fault. The real data sets
    ({real}) are as they came: what is named there may be right; they were cut into training and
    test by chance and not by patient."""


class Picture(NamedTuple):
    """An image of a folder; `open` gives it."""

    name: str
    label: str
    open: object


def pictures(name, count):
    """Some images of a data set below DATA_ROOT, or of a drawn kind, a patient each."""
    if name in DRAWN:
        split = draw(name, SIZE, count, seed=11, views=1)
        arrays = split.images.permute(0, 2, 3, 1).squeeze(-1).numpy()
        labels = [split.class_names[label] for label in split.labels.tolist()]
        found = zip(arrays, labels, strict=True)
        return [Picture(f"{n:05}", label, lambda a=a: Image.fromarray(a))
                for n, (a, label) in enumerate(found)]  # fmt: skip
    folder = Path(os.environ["DATA_ROOT"]) / name / SETS[name]
    files = sorted(f for f in folder.rglob("*.*") if f.suffix in (".jpg", ".jpeg"))
    rows = np.random.default_rng(0).permutation(len(files))[:count]
    return [Picture(files[row].stem, files[row].parent.name, lambda f=files[row]: Image.open(f))
            for row in rows]  # fmt: skip


def write_folder(given, others, folder, rng, planted):
    """The images in train and test folders; each fault's files, and those without any."""
    labels = [each.label for each in given]
    classes, rarest = sorted(set(labels)), min(set(labels), key=labels.count)
    count, truth = max(LEAST, int(EACH * len(given))), defaultdict(set)
    counts = [max(count, MARKED * (fault == "mark in one class")) for fault in FAULTS]
    named = np.repeat(list(FAULTS), counts) if planted else np.array([], str)
    faults = [*named, *[""] * (len(given) - len(named))]
    for each, fault, tested in zip(given, faults, rng.random(len(given)) < TEST_SHARE, strict=True):
        image, label = each.open(), each.label
        other = classes[(classes.index(label) + 1) % len(classes)]
        make = FAULTS[fault][0] if fault else None
        image = make(image, rng) if make else image
        image = others[len(truth[fault])].open() if fault == "another kind" else image
        part = "train" if fault in ("copy in the test", "two labels") or not tested else "test"
        places = {
            "copy in the test": [("train", label), ("test", label)],
            "two labels": [("train", label), ("train", other)],
            "wrong label": [("train", other)], "mark in one class": [("train", rarest)],
        }.get(fault, [(part, label)])  # fmt: skip
        name = each.name + "_2019-03-12" * (fault == "date in the name")
        for number, place in enumerate(places):
            path = folder.joinpath(*place, f"{number}{name}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path)
            path = _spoilt(path, fault)
            truth[fault].add(str(path.relative_to(folder)))
    return truth


def _spoilt(path, fault):
    if fault == "wrong extension":
        return path.rename(path.with_suffix(".bmp"))
    if fault == "half a file":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def named_by(found):
    """The files that each check names, and quality by the name of the problem."""
    images = found.images.set_index("file")
    named = {title: set(images.index[images["named by"].str.contains(title)]) for title in CHECKS}
    refused = found["Unreadable files"].table
    named["Unreadable files"] = set(refused["file"]) if len(refused) else set()
    for name in FAULTS:
        if f"is {name}" in images:
            named[name] = set(images.index[images[f"is {name}"]])
    leaks = found.files.get("leaks.csv", pd.DataFrame(columns=["kind", *PAIR]))
    copies = leaks[leaks["kind"].isin(["identical", "copy"])]  # siblings are relatives indeed
    return named | {"copy in the test": set(copies[PAIR[0]]) | set(copies[PAIR[1]])}


def calibrate(name, count, another):
    """What became of each fault, and what is named in the clean folder."""
    given, others = pictures(name, count), pictures(another, count)
    with TemporaryDirectory() as place:
        place = Path(place)
        clean, faulty = (place / kind for kind in ("clean", "faulty"))
        write_folder(given, others, clean, np.random.default_rng(1), planted=False)
        truth = write_folder(given, others, faulty, np.random.default_rng(1), planted=True)
        control, found = (audit(str(f), cache=place / "cache") for f in (clean, faulty))
        rows = [row | {"set": name} for row in score(truth, named_by(found))]
        named = named_by(control)
        shares = {title: 100 * len(named[title]) / len(control.images) for title in CHECKS}
    cells = {title: f"{share:.1f}, {control[title].severity}" for title, share in shares.items()}
    print(pd.DataFrame(rows).to_string(), pd.Series(cells).to_string(), sep="\n", flush=True)
    return rows, cells


def score(truth, named):
    for fault, (_, check) in FAULTS.items():
        found = named[fault if fault in named else check]
        yield {
            "fault": fault, "check": check, "planted": len(truth[fault]),
            "found": len(truth[fault] & found),
            "untouched": len(truth[""]), "false": len(truth[""] & found),
        }  # fmt: skip


def fates(rows):
    """A line for each fault, over all sets."""
    for fault, each in pd.DataFrame(rows).groupby("fault", sort=False):
        missed = each["planted"] - each["found"]
        where = [f"{n} in {name}" for n, name in zip(missed, each["set"], strict=True) if n]
        rates = 100 * each["false"] / each["untouched"]
        yield {
            "fault": fault, "check": each["check"].iloc[0], "planted": int(each["planted"].sum()),
            "found": int(each["found"].sum()), "missed": ", ".join(where) or "none",
            "falsely named (%)": f"{100 * each['false'].sum() / each['untouched'].sum():.2f}",
            "at most": f"{rates.max():.1f} ({each['set'][rates.idxmax()]})" if rates.any() else "0",
        }  # fmt: skip


def keep_tables(made, count):
    table = pd.DataFrame(fates([row for rows, _ in made.values() for row in rows]))
    total, names = int(table["planted"].sum()), list(made)
    about = FOUND.format(count=count, sets=", ".join(names), total=total)
    keep("audit_calibration", "Planted faults in an audit", about, table)
    cells = pd.DataFrame({name: cells for name, (_, cells) in made.items()})
    about = CLEAN.format(real=", ".join(name for name in names if name in SETS) or "none here")
    table = cells.rename_axis("check").reset_index()
    keep("audit_controls", "An audit of folders without planted faults", about, table)


def main(count):
    names, made = [*(SETS if "DATA_ROOT" in os.environ else ()), *DRAWN], {}
    for number, name in enumerate(names):
        made[name] = calibrate(name, count, names[number - 1])
        keep_tables(made, count)  # after each set: a run may be stopped


if __name__ == "__main__":
    main(int((sys.argv + ["200"])[1]))
