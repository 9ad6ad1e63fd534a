"""The image-scaling attack beside a quadratic program per column, as Xiao (2019) does it.

    make bench

One large X-ray for the reference, a batch of them for ours.
"""

import cvxpy
import numpy as np
import pandas as pd
import torch
from side_by_side import in_turn, keep, run

from utils.contamination.hidden_images import attack_quality
from utils.contamination.image_scaling import Scaling
from utils.contamination.resizers import Resizer
from utils.data.phantoms import draw
from utils.data.split import resized

HIGH, WIDE, SMALL, BATCH, ROUNDS = 640, 768, 128, 16, 2


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


def scaling_table() -> pd.DataFrame:
    resizer = Resizer("opencv", "bilinear")
    large = draw("chest_phantom", WIDE, patients=12, seed=1).images[:, :, :HIGH]
    sources, targets = large[:BATCH], resized(large[BATCH : 2 * BATCH, :, :, :HIGH], SMALL)
    one = [side[0, 0].double().numpy() for side in (sources, targets)]
    attack = Scaling(resizer)
    attack(sources, targets)  # the matrices are read once
    theirs, ours = "a program per column", f"ours, in a batch of {BATCH}"
    ways = {
        theirs: lambda _: column_by_column(*one, resizer),
        ours: lambda _: attack(sources, targets),
    }
    costs = in_turn(ways, ROUNDS)
    hidden = {
        theirs: torch.from_numpy(costs[theirs].found[0]).clamp(0, 255).to(torch.uint8)[None, None],
        ours: costs[ours].found[0][:1],
    }
    images, rows = {theirs: 1, ours: BATCH}, []
    for name, cost in costs.items():
        faster = images[name] * cost.times_as_fast(costs[theirs])
        row = {"by": name, "seconds per image": round(cost.least / images[name], 4)}
        row |= {"times as fast": round(faster), "peak memory": round(cost.peak)}
        quality = attack_quality(hidden[name], sources[:1], targets[:1], resizer)
        rows.append(row | quality.mean().round(4).to_dict())
    table = pd.DataFrame(rows)
    keep(
        "image_scaling",
        "A hidden picture",
        f"{HIGH} x {WIDE} pixels that a resizer turns into a picture of {SMALL} x {SMALL}. The "
        "columns behind the memory say how good the attack on the same image is.",
        table,
    )
    return table


if __name__ == "__main__":
    run({"image_scaling": scaling_table})
