"""What a reader sees: pairs of pictures, and nothing that tells them apart."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from utils.figures.style import STYLE, closed, picture

__all__ = ["pairs"]


def pairs(pictures: np.ndarray) -> Figure:
    """A and B of each pair: uint8 (pairs, 2, channels, height, width), as on the page."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(pictures), 2, figsize=(6.4, 3.3 * len(pictures)), squeeze=False
        )
        for number, (row, pair) in enumerate(zip(axes, pictures, strict=True), 1):
            for axis, side, shown in zip(row, "AB", pair, strict=True):
                picture(axis, shown)
                axis.set_title(f"pair {number}, {side}", fontsize=11)
    return closed(figure)
