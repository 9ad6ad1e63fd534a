"""CPU seconds, memory and finds of the audit beside CleanVision and cleanlab's Datalab.

    [DATA_ROOT=/data] python tests/benchmarks/audit_costs.py [IMAGES]

All read the same folder, one after the other, each in a process of its own on one core, imports
included. The folder is made of the chest X-rays in DATA_ROOT, or of drawn brain slices, with known
faults. CleanVision does image quality and duplicates, Datalab duplicates, odd images and labels.
Datalab takes features: once 32 x 32 grey levels, and once those that the audit computes for its
own check of labels, by the same function. The audit is measured with the checks that each of them
has too, with these but without labels, and whole.

A program that cannot be imported is left out and named. The environment of the project need not
have them: a second one can see its packages.

    python -m venv /tmp/others
    echo $PWD/.venv/lib/python3.*/site-packages > /tmp/others/lib/python3.*/site-packages/ours.pth
    /tmp/others/bin/pip install cleanvision "cleanlab[datalab]"
    PYTHONPATH=. /tmp/others/bin/python tests/benchmarks/audit_costs.py
"""

import os
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context, set_start_method
from pathlib import Path
from tempfile import TemporaryDirectory

from audit_costs_folder import COPY, LABEL, QUALITY, write_folder

GREY, AUDITED = 32, 64  # pixels: of grey levels as features; as the audit sees the images
SET = "chest_xray/train"  # below DATA_ROOT
NEEDED = {"CleanVision": ["cleanvision"], "Datalab": ["cleanlab", "datasets"]}
ABOUT = """{files:,} files of {source}, with known faults. Each program has a process of its own on
    one core, imports included; peak memory is that of the process, libraries included. Datalab is
    given features: grey levels of 32 x 32 pixels, or those that the audit computes for its own
    labels, by the same function, whose time counts for both. *Untouched* are images without any
    fault; where a column is "-", the program or these checks do not look for that."""


def cleanvision(folder: Path) -> dict[str, set[str]]:
    from cleanvision import Imagelab

    lab = Imagelab(data_path=str(folder))
    lab.find_issues({name: {} for name in (*QUALITY.values(), *COPIES)}, n_jobs=1)
    named = {own: _rows(lab.issues[f"is_{name}_issue"]) for own, name in QUALITY.items()}
    named[COPY] = set().union(*(_rows(lab.issues[f"is_{name}_issue"]) for name in COPIES))
    return {
        fault: {os.path.relpath(file, folder) for file in files} for fault, files in named.items()
    }


COPIES = ("exact_duplicates", "near_duplicates")


def datalab(folder: Path, features: str) -> dict[str, set[str]]:
    import numpy as np
    from cleanlab import Datalab

    set_start_method("fork", force=True)  # it shares what it computes with its own processes
    files = sorted(folder.glob("*/*"))
    labels = [file.parent.name for file in files]
    lab = Datalab({"label": labels}, label_name="label", verbosity=0)
    wanted = {name: {} for name in ("near_duplicate", "outlier", "label")}
    lab.find_issues(features=FEATURES[features](files), issue_types=wanted)
    names = np.array([str(file.relative_to(folder)) for file in files])
    issues = {
        own: lab.get_issues(name) for own, name in ((COPY, "near_duplicate"), (LABEL, "label"))
    }
    return {own: set(names[found.filter(like="is_").iloc[:, 0]]) for own, found in issues.items()}


def _pixels(files: list[Path], side: int):
    """Grey levels, uint8 (n, side, side)."""
    import numpy as np
    from PIL import Image

    return np.stack([np.asarray(Image.open(f).convert("L").resize((side, side))) for f in files])


def _grey_levels(files: list[Path]):
    return _pixels(files, GREY).reshape(len(files), -1).astype(float)


def _network_features(files: list[Path]):
    import torch

    from utils.audit.label_predictions import image_features

    return image_features(torch.from_numpy(_pixels(files, AUDITED))[:, None])[0]


FEATURES = {"grey levels": _grey_levels, "network": _network_features}
CHECKS = {  # of the audit, by what they are measured beside
    "CleanVision": ("Duplicates", "Image quality"),
    "no labels": ("Duplicates", "Odd images"),
    "Datalab": ("Duplicates", "Odd images", "Suspicious labels"),
}


def audited(folder: Path, beside: str) -> dict[str, set[str]]:
    from utils.audit import audit, registry

    wanted = CHECKS.get(beside, tuple(registry.CHECKS))
    for title in set(registry.CHECKS) - set(wanted):
        del registry.CHECKS[title]
    with TemporaryDirectory() as cache:
        images = audit(str(folder), cache=cache).images.set_index("file")
    named = {own: _rows(images[f"is {own}"]) for own in QUALITY if f"is {own}" in images}
    for own, title in ((COPY, "Duplicates"), (LABEL, "Suspicious labels")):
        if title in wanted:
            named[own] = _rows(images["named by"].str.contains(title))
    return named


def _rows(named) -> set[str]:
    """The files for which a column is true."""
    return set(named.index[named.astype(bool)])


def measured(search, *given) -> tuple[dict[str, set[str]], dict]:
    """What a search names, and what it has cost."""
    named = search(*given)
    own, others = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return named, {
        "CPU seconds": round(own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime, 1),
        "peak memory (MiB)": _peak(),
    }


def _peak() -> int:
    """MiB; the maxrss of a process begins with that of its parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(round(int(line.split()[1]) / 1024) for line in lines if line.startswith("VmHWM"))


def alone(do, *given):
    """In a process of its own, on one core, with its own imports."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # it may start processes itself
        return pool.submit(do, *given).result()


def found_of(named: dict[str, set[str]], truth: dict[str, set[str]]) -> dict:
    """Of the files with each kind of fault those found, and the share of untouched ones named."""
    row = {}
    for kind, faults in (("quality", QUALITY), ("copies", [COPY]), ("wrong labels", [LABEL])):
        looked_for = [fault for fault in faults if fault in named]
        hits = sum(len(named[fault] & truth[fault]) for fault in looked_for)
        planted = sum(len(truth[fault]) for fault in looked_for)
        row[f"{kind} found"] = f"{hits} of {planted}" if looked_for else "-"
    wrong = set().union(*named.values()) & truth[""]
    return row | {"untouched named (%)": round(100 * len(wrong) / len(truth[""]), 1)}


SEARCHES = {
    "CleanVision": ("quality, copies", cleanvision),
    "audit, as CleanVision": ("quality, copies", audited, "CleanVision"),
    "Datalab on grey levels": ("copies, odd, labels", datalab, "grey levels"),
    "Datalab on a network": ("copies, odd, labels", datalab, "network"),
    "audit, as Datalab": ("copies, odd, labels", audited, "Datalab"),
    "audit, without labels": ("copies, odd", audited, "no labels"),
    "audit, whole": ("all", audited, ""),
}


def main(count: int, source: str) -> None:
    import pandas as pd
    from side_by_side import keep

    absent = [name for name, modules in NEEDED.items() if not all(map(find_spec, modules))]
    rows = []
    with TemporaryDirectory() as place:
        folder = Path(place) / "images"
        truth = alone(write_folder, folder, count, source)
        for name, (checks, search, *given) in SEARCHES.items():
            if name.partition(" on ")[0] not in absent:
                named, cost = alone(measured, search, folder, *given)
                rows.append({"program": name, "checks": checks, **cost, **found_of(named, truth)})
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    print(table.to_string(index=False), *(f"left out, as not installed: {n}" for n in absent))
    kind = f"real images ({SET})" if source else "drawn brain slices"
    about = ABOUT.format(files=len(set().union(*truth.values())), source=kind)
    if not absent:  # half a comparison is none
        keep("audit_costs", "The audit beside CleanVision and Datalab", about, table)


if __name__ == "__main__":
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    root = os.environ.get("DATA_ROOT", "")
    main(int((sys.argv + ["1000"])[1]), str(Path(root) / SET) if root else "")
