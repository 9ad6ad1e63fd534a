"""What the heavy steps cost against the number of images, or of pixels, and how that grows.

    make bench SCRIPTS=growth

    IMAGES=1000 make bench SCRIPTS=growth    half of the images at most, in less than half the time

Each step runs in a process of its own, so that its peak memory is its own; CPU seconds leave out
the imports. The exponent is that of the two largest sizes: 1 is linear, 2 quadratic.
"""

import os
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from PIL import Image
from side_by_side import growth_exponent, keep, memory, run

from utils.audit import audit
from utils.contamination.image_scaling import Scaling
from utils.contamination.resizers import Resizer
from utils.data.patients.recovery import recover_patients
from utils.data.phantoms import draw
from utils.data.reader import read_images
from utils.data.split import Split, Splits, resized
from utils.detection.noise_traces import NoiseLevel
from utils.detection.scaling_detectors import scaling_scores
from utils.evaluation.leakage import leakage_report

MOST = int(os.environ.get("IMAGES", 2000))
COUNTS, PIXELS, VIEWS, SIZE = tuple(MOST // n for n in (8, 4, 2, 1)), (128, 256, 512), 2, 64
LARGE, TEST = 16, 0.2  # images of the scaling attack; share of those that leakage tests


def write_images(place: Path) -> None:
    """The images in two classes, and the split itself."""
    split = draw("brain_phantom", SIZE, max(COUNTS) // VIEWS, seed=3, views=VIEWS)
    torch.save(split, place / "split.pt")
    for number, (image, label) in enumerate(zip(split.images, split.labels.tolist(), strict=True)):
        path = place / "all" / str(label > 1) / f"{number:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0].numpy()).save(path)


def _split(place: Path, count: int) -> Split:
    whole = torch.load(place / "split.pt", weights_only=False)  # written by this very script
    return whole.take(torch.arange(count))


def _files(place: Path, count: int) -> list[Path]:
    return sorted((place / "all").glob("*/*.png"), key=lambda path: path.name)[:count]


def reading(place: Path, count: int) -> Callable:
    files = _files(place, count)
    return lambda: read_images(files, SIZE)


def leakage(place: Path, count: int) -> Callable:
    split, tested = _split(place, count), int(TEST * count)
    parts = split.take(torch.arange(tested, count)), split.take(torch.arange(tested))
    return lambda: leakage_report(Splits(parts[0], parts[0].take(torch.arange(0)), parts[1]))


def recovery(place: Path, count: int) -> Callable:
    images = _split(place, count).images
    return lambda: recover_patients(images)


def auditing(place: Path, count: int) -> Callable:
    folder = place / f"some{count}"
    for path in _files(place, count):
        there = folder / path.parent.name / path.name
        there.parent.mkdir(parents=True, exist_ok=True)
        there.hardlink_to(path)
    return lambda: audit(str(folder), cache=place / f"cache{count}").images


def noise(place: Path, count: int) -> Callable:
    split = _split(place, count)
    return lambda: NoiseLevel().score(split)


def scaling_detector(place: Path, count: int) -> Callable:
    images = resized(_split(place, count).images, 4 * SIZE)
    return lambda: scaling_scores(images, Resizer("opencv", "bilinear"), (SIZE, SIZE))


def scaling_attack(place: Path, side: int) -> Callable:
    images = _split(place, 2 * LARGE).images
    sources, targets = resized(images[:LARGE], side), images[LARGE:]
    attack = Scaling(Resizer("opencv", "bilinear"))
    attack(sources[:1], targets[:1])  # the matrices are read once
    return lambda: attack(sources, targets)


STEPS = {
    "reading PNG files": (reading, COUNTS),
    "leakage between two parts": (leakage, COUNTS),
    "patients by their pixels": (recovery, COUNTS),
    "a whole audit": (auditing, COUNTS[:3]),
    "detector of noise": (noise, COUNTS),
    "detectors of scaling attacks": (scaling_detector, COUNTS[:3]),
    f"scaling attack, {LARGE} images": (scaling_attack, PIXELS),
}


def measure(name: str, place: Path, size: int) -> tuple[float, float]:
    """CPU seconds of a step, and the MiB that it took above what it was given."""
    torch.set_num_threads(1)
    work = STEPS[name][0](place, size)
    before, started = memory("VmHWM"), time.process_time()
    work()
    return time.process_time() - started, memory("VmHWM") - before


def growth_table() -> pd.DataFrame:
    rows = []
    with TemporaryDirectory() as place, get_context("fork").Pool(1, maxtasksperchild=1) as alone:
        alone.apply(write_images, [Path(place)])
        for name, (_, sizes) in STEPS.items():
            found = [alone.apply(measure, [name, Path(place), size]) for size in sizes]
            seconds, peaks = map(list, zip(*found, strict=True))
            unit = "pixels a side" if sizes is PIXELS else "images"
            rows.append({
                "step": name, "from": f"{sizes[0]:,} {unit}", "seconds": f"{seconds[0]:.2f}",
                "to": f"{sizes[-1]:,}", "seconds there": f"{seconds[-1]:.2f}",
                "peak memory there": round(peaks[-1]),
                "exponent": f"{growth_exponent(sizes, seconds):.1f}",
            })  # fmt: skip
            print(rows[-1], [f"{each:.2f}" for each in seconds], flush=True)
    about = f"""Drawn brain slices of {SIZE} pixels, {VIEWS} of each patient; for the detectors
        of scaling attacks four times as wide. Each step has a process of its own. The exponent
        tells how the seconds grow between the two largest sizes: 1 is linear, 2 quadratic; of the
        scaling attack with the side of an image, where 2 is linear in its pixels."""
    table = pd.DataFrame(rows)
    keep("growth", "How the cost of the heavy steps grows", about, table)
    return table


if __name__ == "__main__":
    run({"growth": growth_table})
