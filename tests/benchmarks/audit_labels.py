"""What the audit says of wrong labels: slips planted in real images, and the images as they are.

DATA_ROOT=/data python tests/benchmarks/audit_labels.py [IMAGES] takes images of each data set,
gives a share of them another label by chance, and prints the estimated share, the labels that are
named and how many of them are wrong. Nothing is kept.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from audit_calibration import SETS

from utils.audit.folder import read_folder
from utils.audit.registry import CHECKS

SHARES, REPEATS = (0.0, 0.01, 0.05, 0.2), 2


def read_some(name, count, place):
    """Some images of a data set, as the audit sees them."""
    folder = Path(os.environ["DATA_ROOT"]) / name / SETS[name]
    files = sorted(file for file in folder.rglob("*.*") if file.suffix in (".jpg", ".jpeg"))
    rows = np.random.default_rng(0).permutation(len(files))[:count]
    table = [(files[row].absolute(), files[row].parent.name) for row in sorted(rows)]
    pd.DataFrame(table, columns=["path", "label"]).to_csv(place / "table.csv", index=False)
    return read_folder(str(place / "table.csv"), cache=place)


def with_slips(folder, share, seed):
    """The folder with this share of wrong labels, and which are wrong."""
    rng, labels = np.random.default_rng(100 + seed), folder.split.labels.numpy()
    count, names = len(labels), np.array(folder.class_names)
    wrong = np.isin(np.arange(count), rng.permutation(count)[: round(share * count)])
    other = (labels + rng.integers(1, len(names), count)) % len(names)
    given = names[np.where(wrong, other, labels)]
    return replace(folder, facts=folder.facts.assign(label=given)), wrong


def measure(name, count):
    with TemporaryDirectory() as place:
        folder = read_some(name, count, Path(place))
    for share in SHARES:
        for seed in range(REPEATS if share else 1):
            made, wrong = with_slips(folder, share, seed)
            found, estimate = (
                CHECKS[title](made) for title in ("Suspicious labels", "Share of wrong labels")
            )
            hits = wrong[list(found.flagged)]
            yield {
                "set": name, "planted (%)": 100 * share, "wrong": int(wrong.sum()),
                "named": len(hits), "of these wrong": int(hits.sum()),
                "right ones named (%)": round(100 * (~hits).sum() / (~wrong).sum(), 2),
                "estimate": estimate.measured.split("%")[0].strip(),
            }  # fmt: skip


if __name__ == "__main__":
    count = int((sys.argv + ["1500"])[1])
    print(pd.DataFrame([row for name in SETS for row in measure(name, count)]).to_string())
