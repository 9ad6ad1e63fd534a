"""Seconds and memory of patients recovered from pixels, against the number of images.

    python tests/benchmarks/patients.py [IMAGES ...]

Images are drawn brain slices; beyond 8,000 the same ones, each moved a little in its own way, so
that they cost what others would. The adjusted Rand index compares with the true patients, where
all images are drawn.
"""

import sys
import time

import pandas as pd
import torch
import torch.nn.functional as F
from side_by_side import RESET, memory
from sklearn.metrics import adjusted_rand_score

from utils.data import patient_recovery
from utils.data.phantoms import draw

DRAWN, SIZE, VIEWS = 8000, 48, 8


def pictures(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images, and the patient of each."""
    split = draw("brain_phantom", SIZE, min(count, DRAWN) // VIEWS, seed=5, views=VIEWS)
    images, patients = split.images, split.groups
    generator, parts, names = torch.Generator().manual_seed(0), [images], [patients]
    while sum(map(len, parts)) < count:
        parts.append(moved(images, generator))
        names.append(patients + 10_000 * len(parts))
    return torch.cat(parts)[:count], torch.cat(names)[:count]


def moved(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each image pulled by a smooth field of its own."""
    field = 0.3 * torch.randn(len(images), 2, 3, 3, generator=generator)
    bent = F.interpolate(field, images.shape[-2:], mode="bicubic").movedim(1, 3)
    still = F.affine_grid(torch.eye(2, 3).expand(len(images), -1, -1), images.shape, False)
    found = F.grid_sample(images.float(), still + bent, align_corners=False)
    return found.clamp(0, 255).to(torch.uint8)


def row(count: int) -> dict:
    images, patients = pictures(count)
    if RESET.exists():
        RESET.write_text("5")
    before, started = memory("VmRSS"), time.perf_counter()
    found = patient_recovery.recover_patients(images)
    return {
        "images": len(images),
        "seconds": round(time.perf_counter() - started, 1),
        "peak memory (MiB)": round(memory("VmHWM") - before),
        "adjusted Rand index": round(adjusted_rand_score(patients, found.groups), 4),
        "threshold": round(found.threshold, 3),
    }


if __name__ == "__main__":
    counts = [int(text) for text in sys.argv[1:]] or [4000, 8000, 30_000]
    print(pd.DataFrame([row(count) for count in counts]).to_string(index=False))
