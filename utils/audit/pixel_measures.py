"""Simple numbers about the pixels of each file at its own size, for the checks of image quality."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor

from utils.audit.burnt_in_text import longest_row
from utils.data.image_files import Unreadable, in_threads, read_file

MOST_PIXELS = 512  # on each side: larger images are shrunk to this
WHITE, BLACK = 250, 16  # grey levels from which, or up to which, a pixel is white or black
ONE_LEVEL = 8  # grey levels that look alike


def measure_files(facts: pd.DataFrame, images: Tensor) -> pd.DataFrame:
    """One row per image. `images` stand in for files that are not there any more, and for those
    of many images, which would have to be unpacked once for each."""
    sides = facts[["width", "height"]].max(axis=1).clip(images.shape[-1], MOST_PIXELS).to_numpy(int)
    files = [Path(file) for file in facts["file"]]
    volumes = facts["frames"].to_numpy() > 1 if "frames" in facts else np.zeros(len(facts), bool)

    def measure(place: int) -> dict:
        grey = images[place].float().mean(0).round().byte()
        with suppress(Unreadable):
            if not volumes[place]:
                grey = read_file(files[place], int(sides[place]), 1)[1].pixels[0, 0]
        return measures(grey.numpy())

    return pd.DataFrame(in_threads(measure, len(files), "measuring the files"))


def measures(grey: np.ndarray) -> dict[str, float]:
    """Numbers about one image, uint8 (height, width)."""
    shares = np.bincount(grey.ravel(), minlength=256) / grey.size
    within = np.convolve(shares, np.ones(ONE_LEVEL))  # the share of pixels in each short range
    some = shares[shares > 0]
    levels = grey.astype(np.float32)
    darkest, brightest = np.percentile(levels, [5, 99])
    steps = sum(np.abs(np.diff(levels, 2, axis)).mean() for axis in (0, 1))
    return {
        "darkest": float(darkest),
        "brightest": float(brightest),
        "white": float(shares[WHITE:].sum()),
        "black or white": float(shares[: BLACK + 1].sum() + shares[256 - BLACK :].sum()),
        "entropy": float(-(some * np.log2(some)).sum()),
        "one level": float(within.max()),
        "log sharpness": float(np.log((steps + 0.05) / (levels.std() + 1))),
        "log grain": float(np.log(_grain(levels) + 1)),
        "characters": longest_row(grey),
    }


def _grain(levels: np.ndarray) -> float:
    """The median response to a filter that ignores straight gradients (Immerkaer 1996)."""
    return float(np.median(np.abs(np.diff(np.diff(levels, 2, 0), 2, 1))))
