"""Seconds and memory of patients recovered from pixels, against the number of images.

    python tests/benchmarks/patients.py [IMAGES ...]

All images are brain slices, eight of each patient, so that the adjusted Rand index compares with
the true patients. Drawing so many would take longer than what is measured: each drawn patient is
bent into many others, all its slices alike. They are drawn in a process of their own, as each row
of the table is measured: its memory is all that the process takes, images and torch included.
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
import torch.nn.functional as F
from side_by_side import growth_exponent, keep, memory
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from utils.data.patients.recovery import recover_patients
from utils.data.phantoms import draw

PIECE, SIZE, VIEWS, MILLION = 8000, 48, 8, 1_000_000
BENDS, BEND, CORNERS = 25, 0.08, 4  # patients made of a drawn one; of half a side; points that move
COUNTS = [25_000, 50_000, 100_000]  # above all, neighbours are sought in near cells only
ABOUT = f"""Brain slices of {SIZE} pixels, {VIEWS} of each patient; each drawn patient was bent into
    {BENDS} others. Every row has a process of its own, and its memory is all that the process
    takes, images and libraries included; *at rest* before the search. Neighbours are sought in near
    cells at all these sizes. The last row was not measured: it goes on from the two largest sizes
    with the growth between them, an exponent of {{exponent:.2f}} for the seconds, and memory above
    that at rest in proportion to the images. In theory the exponent lies between 1, for the exact
    distances to the neighbours found, and 1.5, for the search in cells, and rises from one to the
    other: a million may take longer."""


def draw_pieces(place: Path, count: int) -> None:
    """So many images, or more; no two pieces share a patient."""
    torch.set_num_threads(1)
    missing = (n for n in range(math.ceil(count / PIECE)) if not (place / f"{n}.pt").exists())
    for number in missing:
        piece = draw("brain_phantom", SIZE, PIECE // VIEWS // BENDS, seed=5 + number, views=VIEWS)
        images = bent(piece.images.view(-1, VIEWS, SIZE, SIZE), number).view(-1, 1, SIZE, SIZE)
        patients = torch.arange(PIECE // VIEWS).repeat_interleave(VIEWS) + number * PIECE
        torch.save((images, patients), place / f"{number}.pt")


def bent(patients: Tensor, seed: int) -> Tensor:
    """`BENDS` others of each patient (n, views, side, side), all views bent in the same way."""
    generator = torch.Generator().manual_seed(seed)
    copies = patients.repeat_interleave(BENDS, 0)
    moves = BEND * torch.randn(len(copies), 2, CORNERS, CORNERS, generator=generator)
    moves = F.interpolate(moves, SIZE, mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    grid = F.affine_grid(torch.eye(2, 3)[None], [1, 1, SIZE, SIZE], align_corners=False) + moves
    levels = F.grid_sample(copies.float(), grid, padding_mode="border", align_corners=False)
    return levels.round().clamp(0, 255).byte()


def measure(place: Path, count: int) -> dict:
    pieces = [torch.load(place / f"{number}.pt") for number in range(math.ceil(count / PIECE))]
    images, patients = (torch.cat(column)[:count] for column in zip(*pieces, strict=True))
    del pieces
    before, started = memory("VmRSS"), time.process_time()
    found = recover_patients(images)
    return {
        "images": count,
        "CPU seconds": round(time.process_time() - started, 1),
        "peak memory (MiB)": round(memory("VmHWM")),
        "of it at rest": round(before),
        "adjusted Rand index": round(adjusted_rand_score(patients, found.groups), 4),
    }


def alone(do: Callable, *given):
    """In a process of its own, whose peak is of nothing else."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(do, given)


def exponent(table: pd.DataFrame) -> float:
    """Of the CPU seconds, between the two largest sizes."""
    return growth_exponent(*(table[name].tolist() for name in ("images", "CPU seconds")))


def on_paper(table: pd.DataFrame) -> dict:
    """What a million images would cost if the growth went on as it does."""
    last = table.iloc[-1]
    times = MILLION / last["images"]
    room = last["of it at rest"] + times * (last["peak memory (MiB)"] - last["of it at rest"])
    work = last["CPU seconds"] * times ** exponent(table)
    unknown = dict.fromkeys(table.columns, "-")
    paper = {"images": f"{MILLION:,} on paper", "CPU seconds": f"{work:.0f}"}
    return unknown | paper | {"peak memory (MiB)": f"{room:.0f}"}


def main(counts: list[int], place: Path) -> None:
    alone(draw_pieces, place, max(counts))
    rows = []
    for count in counts:
        rows.append(alone(measure, place, count))
        print(rows[-1], flush=True)
        if len(rows) > 1:
            keep_table(pd.DataFrame(rows))


def keep_table(table: pd.DataFrame) -> None:
    rows = [row | {"images": f"{row['images']:,}"} for row in table.to_dict("records")]
    about = ABOUT.format(exponent=exponent(table))
    table = pd.DataFrame([*rows, on_paper(table)])
    keep("patients", "Patients recovered from pixels", about, table)


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        main(sorted(map(int, sys.argv[1:])) or COUNTS, Path(place))
