"""How many pairs of images of one patient are found: by a trained embedding, by ImageNet features
and by pixels, for patients that none of them has met.

    [DATA_ROOT=/data] python tests/benchmarks/reidentification.py

On drawn visits, and on the chest X-rays in DATA_ROOT, whose file names tell the patients.
"""

import os
from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from side_by_side import keep
from sklearn.metrics import roc_auc_score
from torch import Tensor

from utils.backbones.classifier import build
from utils.data.duplicates import duplicate_pairs
from utils.data.loading import load
from utils.data.patients.recovery import normalise_exposure
from utils.data.phantoms import draw
from utils.data.split import Split
from utils.detection.reidentification import pair_distances, recall_at, train_reidentifier
from utils.evaluation.inference import features

SIZE, RATES = 64, (1e-2, 1e-3, 1e-4)
ABOUT = f"""Images of {SIZE} pixels; the patients measured are none of those from which the
    embedding has learned. *Found* is the share of the pairs of one patient (%) below a limit that
    the given share of the pairs of two patients passes. *First* is the share of images (%), among
    those whose patient has another one, whose nearest image is of the same patient."""
DRAWN = {"named": (800, 1), "held out": (150, 2), "new": (200, 3)}  # patients, seed of the draw


def drawn() -> tuple[Split, ...]:
    return tuple(draw("chest_phantom", SIZE, *how) for how in DRAWN.values())


def radiographs(root: str) -> tuple[Split, ...]:
    """All patients in three parts; where two images are copies, one of them is left out."""
    images = load("chest_xray", SIZE, root).all_images
    copies = duplicate_pairs(images.images)[:, 1].unique()
    images = images.take(np.setdiff1d(np.arange(len(images)), copies))
    patients = np.random.default_rng(0).permutation(np.unique(images.patients))
    shares = np.array_split(patients, 5)
    parts = np.concatenate(shares[:3]), shares[3], shares[4]
    return tuple(images.take(np.flatnonzero(np.isin(images.patients, part))) for part in parts)


def nearest_is_right(apart: np.ndarray, patients: np.ndarray) -> float:
    count = len(patients)
    table = np.full((count, count), np.inf)
    table[np.triu_indices(count, 1)] = apart
    table = np.minimum(table, table.T)
    several = pd.Series(patients).duplicated(keep=False).to_numpy()
    return float((patients[table.argmin(1)] == patients)[several].mean())


def row(points: Tensor, patients: np.ndarray) -> dict[str, float]:
    apart, same = pair_distances(points, patients)
    found = {f"found at {rate:g}": 100 * recall_at(rate, apart, same)[0] for rate in RATES}
    first = 100 * nearest_is_right(apart, patients)
    values = {"AUC": 100 * roc_auc_score(same, -apart), **found, "first": first}
    return {name: round(float(value), 1) for name, value in values.items()}


def rows(named: Split, held_out: Split, new: Split) -> Iterator[tuple[str, dict[str, float]]]:
    yield "pixels", row(normalise_exposure(new.images), new.patients)
    network = build("efficientnet_lite0", 2, SIZE, "imagenet")
    yield "ImageNet", row(torch.from_numpy(features(network, new)), new.patients)
    learned = train_reidentifier(named, held_out)
    yield "embedding", row(learned.points(new), new.patients)
    apart, same = pair_distances(learned.points(new), new.patients)
    print(
        f"its own limit: {(apart < learned.limit)[same].mean():.1%} of the pairs found, "
        f"{learned.recall:.1%} on held-out patients; {(apart < learned.limit)[~same].mean():.1e} "
        "of the false pairs pass"
    )


def measure(name: str, parts: tuple[Split, ...]) -> Iterator[dict]:
    named, _, new = (np.unique(split.patients, return_counts=True)[1] for split in parts)
    pairs = int((new * (new - 1) // 2).sum())
    for way, found in rows(*parts):
        print(name, way, found, flush=True)
        yield {
            "images": name, "by": way, "patients learned from": f"{len(named):,}",
            "pairs measured": f"{pairs:,}", **found,
        }  # fmt: skip


if __name__ == "__main__":
    found = [*measure("drawn chest X-rays", drawn())]
    if root := os.environ.get("DATA_ROOT"):
        found += measure("chest_xray", radiographs(root))
    keep("reidentification", "Pairs of images of one patient", ABOUT, pd.DataFrame(found))
