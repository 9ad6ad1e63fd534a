"""Training from more images than the memory may hold: images per second, and peak memory.

    make bench SCRIPTS=large_data

    IMAGES=10000 SIDE=400 make bench SCRIPTS=large_data    as many bytes in a tenth of the time

Small files are written once. One process reads, stores and loads them, and trains a tiny
network for one epoch. It is allowed less memory of its own than the images take (RLIMIT_DATA), so
a copy of all of them would end it. Files that are mapped do not count, however they are mapped:
the system can take their memory back.
"""

import mmap
import os
import resource
import sys
import threading
import time
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from PIL import Image
from side_by_side import keep, memory, run
from torch import nn

from utils.data import loading
from utils.run import ROOT
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load

COUNT, SIDE, VIEWS = int(os.environ.get("IMAGES", 100_000)), int(os.environ.get("SIDE", 128)), 10
LIMIT = 2**30 + 2**28  # bytes that the process may own, its libraries among them
FOLDER = 1000  # files in each folder


def write_files(place: Path) -> None:
    """Noise of two brightnesses, ten images of each patient, and the table that says so."""
    rng, rows, blank = np.random.default_rng(0), [], BytesIO()
    Image.new("L", (SIDE, SIDE)).save(blank, "BMP")
    header = blank.getvalue()[: -(SIDE**2)]  # the rest of a bitmap are its pixels
    for number in range(COUNT):
        label = number // VIEWS % 2
        name = f"{number // FOLDER}/{number}.bmp"
        rows.append((name, "ab"[label], number // VIEWS))
        (place / name).parent.mkdir(exist_ok=True)
        levels = rng.integers(0, 190, (SIDE, SIDE), np.uint8) + np.uint8(60 * label)
        (place / name).write_bytes(header + levels.tobytes())
    table = pd.DataFrame(rows, columns=["path", "label", "patient"])
    table.to_csv(place / "table.csv", index=False)


def tiny_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 8, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 2),
    )  # fmt: skip


class Watched:
    """CPU seconds of a step, and the most memory that the process owned during it, in MiB."""

    def __enter__(self):
        self.seen, self._done = [memory("RssAnon")], threading.Event()
        self._watcher = threading.Thread(target=self._look)
        self._watcher.start()
        self._started = time.process_time()
        return self

    def _look(self) -> None:
        while not self._done.wait(0.02):
            self.seen.append(memory("RssAnon"))

    def __exit__(self, *_):
        self.seconds = time.process_time() - self._started
        self._done.set()
        self._watcher.join()

    def row(self, step: str, images: int) -> dict:
        return {
            "step": step, "images": f"{images:,}", "CPU seconds": f"{self.seconds:.1f}",
            "images per CPU second": f"{images / self.seconds:,.0f}",
            "own memory at most, MiB": round(max(self.seen)),
        }  # fmt: skip


def steps(place: Path) -> list[dict]:
    """Under the limit, one after the other, in one process."""
    torch.set_num_threads(1)
    torch.serialization.set_default_mmap_options(mmap.MAP_SHARED)  # the store, too, is only mapped
    loading.VARIABLES = place / "variables"
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    table = str(place / "files/table.csv")
    start = round(memory("RssAnon"))
    rows = [{"step": "libraries alone", "own memory at most, MiB": start}]
    with Watched() as watched:
        loading.load(table, SIDE)
    rows.append(watched.row("files read, checked, split and stored", COUNT))
    with Watched() as watched:
        splits = loading.load(table, SIDE)
    rows.append(watched.row("store opened again", COUNT))
    config = TrainConfig(epochs=1, batch_size=64, augment=False)
    with Watched() as watched:
        train_or_load(tiny_network(), splits, config, place / "training")
    rows.append(watched.row("one epoch, with its validation", len(splits.train)))
    print(*rows, sep="\n", flush=True)
    return rows


def copied(place: Path) -> str:
    """The counterpart: what a whole copy in memory ends with under the same limit."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    try:
        return f"{len(np.ones(COUNT * SIDE * SIDE, np.uint8)):,} bytes fit"
    except MemoryError:
        return "no memory for it"


def large_data() -> pd.DataFrame:
    there = ROOT / "checkpoints"
    there.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=there) as place, get_context("fork").Pool(1, None, (), 1) as alone:
        (Path(place) / "files").mkdir()
        alone.apply(write_files, [Path(place) / "files"])
        rows = alone.apply(steps, [Path(place)])
        rows.append({"step": "for comparison: one copy", "images": alone.apply(copied, [place])})
    table = pd.DataFrame(rows).fillna("")
    about = f"""{COUNT:,} grey files of {SIDE} x {SIDE} pixels, {COUNT * SIDE**2 / 2**20:,.0f} MiB
        as they are stored, in a process that may own {LIMIT / 2**20:,.0f} MiB (RLIMIT_DATA; mapped
        files do not count). Patients are named by a table, so near-duplicates are not searched
        for. The network is tiny: what is measured is the way of the images to it."""
    keep("large_data", "Training from more images than the memory may hold", about, table)
    return table


if __name__ == "__main__":
    if not sys.platform.startswith("linux"):
        sys.exit("only Linux limits the memory in this way")
    run({"large_data": large_data})
