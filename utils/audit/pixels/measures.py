"""Simple numbers about the pixels of each file at its own size, for the checks of image quality."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from utils.audit.pixels.burnt_in_text import longest_row
from utils.audit.pixels.grey_levels import percentiles
from utils.data.image_files import Unreadable, in_threads, read_file

MOST_PIXELS = 512  # on each side: larger images are shrunk to this
WHITE, BLACK = 250, 16  # grey levels from which, or up to which, a pixel is white or black
ONE_LEVEL = 8  # grey levels that look alike


def measure_files(facts: pd.DataFrame, pixels: np.ndarray) -> pd.DataFrame:
    """One row per image. `pixels` stand in for files that are not there any more, and for those
    of many images, which would have to be unpacked once for each."""
    sides = facts[["width", "height"]].max(axis=1).clip(pixels.shape[-1], MOST_PIXELS).to_numpy(int)
    files = [Path(file) for file in facts["file"]]
    volumes = facts["frames"].to_numpy() > 1 if "frames" in facts else np.zeros(len(facts), bool)

    def measure(place: int) -> dict:
        if not volumes[place]:
            with suppress(Unreadable):
                return measures(read_file(files[place], int(sides[place]), 1)[1].pixels[0, 0])
        return measures(np.rint(pixels[place].mean(0, dtype=np.float32)).astype(np.uint8))

    return pd.DataFrame(in_threads(measure, len(files), "measuring the files"))


def measures(grey: np.ndarray) -> dict[str, float]:
    """Numbers about one image, uint8 (height, width)."""
    counts = np.bincount(grey.ravel(), minlength=256)
    shares = counts / grey.size
    within = np.convolve(shares, np.ones(ONE_LEVEL))  # the share of pixels in each short range
    some = shares[shares > 0]
    darkest, brightest = percentiles(counts, (5, 99))
    levels = grey.astype(np.int16)  # large enough for every difference below
    down, across = (np.diff(levels, 2, axis) for axis in (0, 1))
    steps = np.abs(down).mean() + np.abs(across).mean()
    return {
        "darkest": darkest,
        "brightest": brightest,
        "white": float(shares[WHITE:].sum()),
        "black or white": float(shares[: BLACK + 1].sum() + shares[256 - BLACK :].sum()),
        "entropy": float(-(some * np.log2(some)).sum()),
        "one level": float(within.max()),
        "log sharpness": float(np.log((steps + 0.05) / (_spread(shares) + 1))),
        "log grain": float(np.log(_grain(down) + 1)),
        "characters": longest_row(grey, counts),
    }


def _spread(shares: np.ndarray) -> float:
    """The standard deviation of grey levels with these shares."""
    levels = np.arange(len(shares))
    return float(np.sqrt(shares @ np.square(levels - shares @ levels)))


def _grain(down: np.ndarray) -> float:
    """The median response to a filter that ignores straight gradients (Immerkaer 1996), from the
    second differences of the columns."""
    (median,) = percentiles(np.bincount(np.abs(np.diff(down, 2, 1)).ravel()), (50,))
    return median
