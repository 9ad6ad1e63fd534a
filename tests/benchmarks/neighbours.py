"""The search for neighbours among many images, beside those of libraries.

    python tests/benchmarks/neighbours.py [IMAGES]

All are given the same points: the principal components of brain slices in which patients are
sought. Found are the neighbours among the nearest `COUNT` that an exact search has, for some of
the images. PyNNDescent is left out if it is not installed; it compiles itself first, on few points.
"""

import math
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from patients import PIECE, alone, draw_pieces
from side_by_side import keep, memory
from sklearn.cluster import MiniBatchKMeans
from sklearn.neighbors import NearestNeighbors

from utils.data import duplicates
from utils.data.patients.links import COMPONENTS, MANY, NEIGHBOURS, normalised

COUNT, SOME, FEW = NEIGHBOURS + 1, 500, 1000  # an image among its neighbours; judged; to compile
ABOUT = f"""{{count:,}} brain slices as points of {COMPONENTS} components; the {COUNT} nearest of
    each, itself among them. *Found* is the share of the true ones, for {SOME} images. The tree of
    scikit-learn was searched for these alone, and its seconds are those for all in proportion."""
COMPILED = """Compilation of PyNNDescent is not counted; each time that a process starts it anew, it
    took {compilation:.0f} CPU seconds."""


def points(place: Path, count: int) -> np.ndarray:
    pieces = [torch.load(place / f"{n}.pt")[0] for n in range(math.ceil(count / PIECE))]
    every = torch.from_numpy(normalised(torch.cat(pieces)[:count].numpy()))
    some = every[:: max(1, len(every) // MANY)]
    return (every @ torch.linalg.eigh(torch.cov(some.T))[1][:, -COMPONENTS:]).numpy()


def ours(given: np.ndarray) -> np.ndarray:
    return duplicates.nearest_in_cells(torch.from_numpy(given), COUNT).numpy()


def centres_of_sklearn(given: np.ndarray) -> np.ndarray:
    """The same cells with centres from scikit-learn."""

    def centres(pictures, cells):
        found = MiniBatchKMeans(cells, batch_size=4096, n_init=1, random_state=0).fit(pictures)
        return torch.from_numpy(found.cluster_centers_)

    duplicates._centres = centres
    return ours(given)


def brute_force(given: np.ndarray) -> np.ndarray:
    return NearestNeighbors(n_neighbors=COUNT, algorithm="brute").fit(given).kneighbors()[1]


def tree(given: np.ndarray) -> np.ndarray:
    found = NearestNeighbors(n_neighbors=COUNT, algorithm="kd_tree").fit(given)
    return found.kneighbors(given[judged(len(given))])[1]


def descent(given: np.ndarray) -> np.ndarray:
    from pynndescent import NNDescent

    return NNDescent(given, n_neighbors=COUNT, random_state=0, n_jobs=1).neighbor_graph[0]


WAYS = {
    "ours, in near cells": ours,
    "the same, centres by MiniBatchKMeans": centres_of_sklearn,
    "scikit-learn, brute force": brute_force,
    "scikit-learn, k-d tree": tree,
    "PyNNDescent": descent,
}


def judged(count: int) -> np.ndarray:
    return np.random.default_rng(0).permutation(count)[:SOME]


def exact(given: np.ndarray) -> np.ndarray:
    rows = torch.from_numpy(given)
    return duplicates.nearest(rows[judged(len(given))], rows, COUNT)[1].numpy()


def measure(place: Path, count: int, name: str) -> dict:
    torch.set_num_threads(1)
    given, way, compilation = points(place, count), WAYS[name], 0.0
    truth = exact(given)
    if way is descent:
        started = time.process_time()
        way(given[:FEW])
        compilation = time.process_time() - started
    before, started = memory("VmHWM"), time.process_time()
    found = way(given)
    seconds = time.process_time() - started
    if way is tree:
        seconds *= count / SOME
    else:
        found = found[judged(count)]
    hits = [len(set(own) & set(right)) for own, right in zip(found, truth, strict=True)]
    return {
        "search": name, "CPU seconds": round(seconds, 1),
        "memory above that before (MiB)": round(memory("VmHWM") - before),
        "found (%)": round(100 * float(np.mean(hits)) / COUNT, 1), "compilation": compilation,
    }  # fmt: skip


def main(count: int, place: Path) -> None:
    alone(draw_pieces, place, count)
    names = [n for n, way in WAYS.items() if way is not descent or find_spec("pynndescent")]
    rows = []
    for name in names:
        rows.append(alone(measure, place, count, name))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    about, compilation = ABOUT.format(count=count), table.pop("compilation").max()
    if compilation:
        about += f" {COMPILED.format(compilation=compilation)}"
    keep("neighbours", "Neighbours among many images", about, table)


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        main(int((sys.argv + ["24000"])[1]), Path(place))
