"""What the audit says of wrong labels: slips planted in real images, and the images as they are.

DATA_ROOT=/data python tests/benchmarks/audit_labels.py [IMAGES] takes images of each data set,
gives a share of them another label by chance, and keeps the estimated share, how many labels are
named and how many of them are wrong.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from audit_calibration import SETS
from side_by_side import keep

from utils.audit import label_predictions
from utils.audit.folder import read_folder
from utils.audit.registry import CHECKS
from utils.files import digest

SHARES, REPEATS = (0.0, 0.01, 0.05, 0.2), 2
ABOUT = """Images of real data sets, to which slips by chance were added, two draws for each share;
the labels as they came are taken for right. *Named* are those that the audit flags, *estimated* its
share of wrong labels with its 95 % interval; *none* where it gives no number, since the heads are
too often wrong."""


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


def remember_features():
    """The same images under other labels have the same features: they are computed once."""
    compute, known = label_predictions.image_features, {}

    def features(images):
        key = digest(images.numpy())
        known[key] = known.get(key) or compute(images)
        return known[key]

    label_predictions.image_features = features


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
                "set": name, "images": len(made), "planted (%)": 100 * share,
                "wrong": int(wrong.sum()), "named": len(hits), "of these wrong": int(hits.sum()),
                "right ones named (%)": round(100 * (~hits).sum() / (~wrong).sum(), 2),
                "estimated (%)": _estimate(estimate),
            }  # fmt: skip


def _estimate(finding):
    """The share and its interval; none where the audit says that it cannot tell."""
    if finding.severity == "not applicable":
        return "none"
    return finding.measured.split("%")[0].strip()


if __name__ == "__main__":
    count = int((sys.argv + ["1500"])[1])
    remember_features()
    table = pd.DataFrame([row for name in SETS for row in measure(name, count)])
    print(table.to_string())
    keep("audit_labels", "Wrong labels in an audit", ABOUT, table)
