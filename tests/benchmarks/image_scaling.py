"""The image-scaling attack beside a quadratic program per column, as Xiao (2019) does it.

    make bench

One large X-ray for the reference. A batch of them for ours, the quickest of five times: a busy
machine measures how busy it is.
"""

import resource
import time

import cvxpy
import numpy as np
import pandas as pd
import torch

from utils.contamination.hidden_images import attack_quality
from utils.contamination.image_scaling import Scaling
from utils.contamination.resizers import Resizer
from utils.data.phantoms import draw
from utils.data.split import resized

HIGH, WIDE, SMALL, BATCH = 640, 768, 128, 16


def column_by_column(source: np.ndarray, target: np.ndarray, resizer: Resizer) -> np.ndarray:
    """First all columns of an image that is already narrow, then all rows of the wide one."""
    down, across = (resizer.matrix(each, SMALL).numpy() for each in source.shape)
    narrow = source @ across.T
    narrow = np.stack([_line(*pair, down) for pair in zip(narrow.T, target.T, strict=True)], 1)
    return np.stack([_line(*pair, across) for pair in zip(source, narrow, strict=True)]).round()


def _line(line: np.ndarray, wanted: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    change = cvxpy.Variable(len(line))
    off = matrix @ (line + change) - wanted
    limits = [off <= 1, off >= -1, line + change >= 0, line + change <= 255]
    cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(change)), limits).solve(
        solver="OSQP", polishing=False
    )
    return line + change.value


def _memory() -> float:
    """The most that this process has held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory_of_a_batch(resizer: Resizer) -> float:
    """Asked first, before anything else has held more."""
    sources, targets = (
        torch.randint(256, (BATCH, 1, *size), dtype=torch.uint8)
        for size in ((HIGH, WIDE), (SMALL, SMALL))
    )
    before = _memory()
    Scaling(resizer)(sources, targets)
    return _memory() - before


def scaling_table(resizer: Resizer) -> pd.DataFrame:
    large = draw("chest_phantom", WIDE, patients=12, seed=1).images[:, :, :HIGH]
    sources, targets = large[:BATCH], resized(large[BATCH : 2 * BATCH, :, :, :HIGH], SMALL)
    attack = Scaling(resizer)
    attack(sources, targets)  # the matrices are read once
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        hidden = attack(sources, targets)
        seconds.append((time.perf_counter() - started) / BATCH)
    started = time.perf_counter()
    theirs = column_by_column(*(i[0, 0].double().numpy() for i in (sources, targets)), resizer)
    reference = time.perf_counter() - started
    theirs = torch.from_numpy(theirs).clamp(0, 255).to(torch.uint8)[None, None]
    rows = {
        "a program per column": (
            reference,
            attack_quality(theirs, sources[:1], targets[:1], resizer),
        ),
        "ours, in a batch": (
            min(seconds),
            attack_quality(*(side[:1] for side in (hidden, sources, targets)), resizer),
        ),
    }
    table = pd.DataFrame({name: found.mean() for name, (_, found) in rows.items()}).T
    table.insert(0, "seconds per image", {name: time for name, (time, _) in rows.items()})
    table.insert(1, "times as fast", reference / table["seconds per image"])
    return table


if __name__ == "__main__":
    print(f"{HIGH} x {WIDE} to {SMALL} x {SMALL}, {torch.get_num_threads()} threads")
    resizer = Resizer("opencv", "bilinear")
    print(f"memory of a batch of {BATCH}: {memory_of_a_batch(resizer):.0f} MB")
    print(scaling_table(resizer).round(4).T.to_string())
