"""Images in rows and columns, always on the same grey levels."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utils.figures.elements.notebook_figure import SCREEN, house_style, panels
from utils.figures.elements.style import (
    readable,
)

WIDEST = 11.5  # inches of a row of images
LARGEST = 1.9  # inches: about 150 pixels of a screen


def show_image(axis: Axes, image) -> None:
    """One image (channels, height, width) from 0 to 255; of 16 bits the upper 8 are shown."""
    pixels = np.asarray(image)
    pixels = pixels >> 8 if pixels.dtype == np.uint16 else pixels
    pixels = pixels.transpose(1, 2, 0).clip(0, 255).astype(np.uint8)
    # A screen that skips pixels of a large image would show what a pipeline sees, not a person.
    how = "none" if pixels.shape[1] <= 2 * SCREEN * LARGEST else "hanning"
    axis.imshow(pixels.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation=how)
    hide_axes(axis)


def show_change(axis: Axes, change, limit: float) -> None:
    """A change (channels, height, width) of at most `limit`; no change is white.

    In a grey image, red pixels become brighter and blue ones darker. In a colour image, the change
    of each colour stands around a middle grey.
    """
    change = np.asarray(change, float)
    if len(change) == 3:
        return show_image(axis, 127.5 * (1 + change / limit))
    top = 1.3 * limit  # the ends of the map are almost black
    axis.imshow(change[0], cmap="RdBu_r", vmin=-top, vmax=top, interpolation="none")
    hide_axes(axis)


def hide_axes(axis: Axes) -> None:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


@house_style
def image_grid(
    rows: Sequence[Sequence],
    row_titles: Sequence[str] = (),
    column_titles: Sequence[str] = (),
    captions: Sequence[Sequence[str]] = (),
    title: str = "",
    largest: float = LARGEST,
) -> Figure:
    """Images (channels, height, width) in grey levels; None, or a short row, leaves a place empty.

    A caption stands below its image, row by row; `largest` is the side of an image in inches.
    The axes of the figure are in reading order.
    """
    columns = max(1, *(len(row) for row in rows), len(column_titles))
    side = min(largest, WIDEST / columns)
    below = 0.17 * max((_lines(text) for texts in captions for text in texts), default=0)
    size = (columns * side + (1.2 if row_titles else 0.1), len(rows) * (side + below) + 0.4)
    figure, axes = panels(max(1, len(rows)), columns, *size)
    if title:
        figure.suptitle(title)
    for axis in axes.flat:
        hide_axes(axis)
    for images, line in zip(rows, axes, strict=False):
        for image, axis in zip(images, line, strict=False):
            if image is not None:
                show_image(axis, image)
    for axis, name in zip(axes[:, 0], row_titles, strict=False):
        axis.set_ylabel(readable(name), rotation=0, ha="right", va="center")
    for axis, name in zip(axes[0], column_titles, strict=False):
        axis.set_title(readable(name), fontsize=10)
    for texts, line in zip(captions, axes, strict=False):
        for text, axis in zip(texts, line, strict=False):
            axis.set_xlabel(text, fontsize=9)
    return figure


def grid_axes(figure: Figure, rows: int) -> np.ndarray:
    """The axes of an image grid as a table of so many rows."""
    return np.array(figure.axes).reshape(rows, -1)


def _lines(text: str) -> int:
    return 1 + text.count("\n") if text else 0
