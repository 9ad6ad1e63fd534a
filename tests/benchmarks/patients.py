"""Seconds and memory of patients recovered from pixels, against the number of images.

    python tests/benchmarks/patients.py [IMAGES ...]

All images are drawn brain slices, eight of each patient, so that the adjusted Rand index compares
with the true patients. Drawing takes longer than what is measured, and lies in processes of its
own, as does each row of the table: its memory is all that the process takes, images and torch
included.
"""

import math
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from side_by_side import growth_exponent, memory
from sklearn.metrics import adjusted_rand_score

from utils.data.patients.recovery import recover_patients
from utils.data.phantoms import draw

PIECE, SIZE, VIEWS, MILLION = 8000, 48, 8, 1_000_000
COUNTS = [5000, 10_000, 25_000, 50_000, 100_000]


def draw_piece(place: Path, number: int) -> None:
    """Images and patients that no other piece has."""
    path = place / f"{number}.pt"
    if not path.exists():
        piece = draw("brain_phantom", SIZE, PIECE // VIEWS, seed=5 + number, views=VIEWS)
        torch.save((piece.images, piece.groups + number * PIECE), path)


def measure(place: Path, count: int) -> dict:
    pieces = [torch.load(place / f"{number}.pt") for number in range(math.ceil(count / PIECE))]
    images, patients = (torch.cat(column)[:count] for column in zip(*pieces, strict=True))
    del pieces
    before, started, work = memory("VmRSS"), time.perf_counter(), time.process_time()
    found = recover_patients(images)
    return {
        "images": count,
        "seconds": time.perf_counter() - started,
        "CPU seconds": time.process_time() - work,
        "peak memory (MiB)": memory("VmHWM"),
        "of it at rest": before,
        "adjusted Rand index": adjusted_rand_score(patients, found.groups),
        "threshold": found.threshold,
    }


def alone(do: Callable, *given):
    """In a process of its own, whose peak is of nothing else."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(do, given)


def on_paper(table: pd.DataFrame) -> str:
    """What a million images would cost if the growth went on as it does."""
    last = table.iloc[-1]
    sizes, seconds = (table[name].tolist() for name in ("images", "CPU seconds"))
    work, times = growth_exponent(sizes, seconds), MILLION / last["images"]
    minutes = last["CPU seconds"] * times**work / 60
    room = last["of it at rest"] + times * (last["peak memory (MiB)"] - last["of it at rest"])
    return (
        f"CPU seconds grow with the number of images to the power of {work:.2f}; "
        f"at a million on paper: {minutes:.0f} CPU minutes, {room / 1024:.0f} GiB"
    )


def main(counts: list[int], place: Path) -> None:
    for number in range(math.ceil(max(counts) / PIECE)):
        alone(draw_piece, place, number)
    table = pd.DataFrame([alone(measure, place, count) for count in counts])
    print(table.round(3).to_string(index=False))
    if len(table) > 1:
        print(on_paper(table))


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        main(sorted(map(int, sys.argv[1:])) or COUNTS, Path(place))
