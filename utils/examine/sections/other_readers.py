"""The images as other programs read their files: not turned upright, or with other grey levels.

Only files know this. Without them, and where none is turned or deep, nothing can be compared.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from utils.data.formats.depth import grey_levels, in_depth, same_bits
from utils.data.formats.pictures import FORMATS, ORIENTATION
from utils.data.formats.reading import FULL, Reading
from utils.data.reader import ReadImages, read_images
from utils.data.split import Split

FILES = 100  # that are opened once more
IGNORED = "an ignored EXIF orientation"
COARSER, FINER = "8 bits instead of 16", "16 bits instead of 8"
WINDOWLESS = "grey levels over the full range of the file"
NOT_AT_HAND = (
    "The files are not at hand, so an ignored EXIF orientation and other bits are not examined."
)
ROUNDED = 1  # grey levels between two ways to the same 8 bits
QUARTER, HALF = 1, 2  # turns
# What undoes each EXIF orientation that the reader has obeyed: turns to the left, after a flip.
AS_STORED = {
    2: (True, 0), 3: (False, HALF), 4: (True, HALF), 5: (True, QUARTER),
    6: (False, QUARTER), 7: (True, -QUARTER), 8: (False, -QUARTER),
}  # fmt: skip


@dataclass(frozen=True)
class OtherReading:
    """Some of the images in another form: their places, and what they look like."""

    rows: np.ndarray
    images: Split


def other_readings(split: Split) -> tuple[dict[str, OtherReading], str]:
    """Each other way to read the files, by name; and a sentence about what could not be tried."""
    found = {}
    if split.depth == 16:
        found[COARSER] = OtherReading(np.arange(len(split)), split.with_depth(8))
    if split.files is None or split.frames is not None:
        return found, NOT_AT_HAND
    rows = split.some_rows(FILES)
    some = split.take(rows)
    again = {**_not_turned(some), **_deep(some)}
    found |= {n: OtherReading(rows.numpy()[each.rows], each.images) for n, each in again.items()}
    return found, _not_tried(again, len(some))


def _not_tried(found: dict[str, OtherReading], files: int) -> str:
    missing = ["asks to be turned (EXIF)"] * (IGNORED not in found)
    missing += ["has more than 8 bits"] * (WINDOWLESS not in found)
    return f"Of {files} files none {', and none '.join(missing)}." if missing else ""


def _not_turned(some: Split) -> dict[str, OtherReading]:
    """The images of files that ask to be turned, as a program shows them that does not obey."""
    orientations = np.array([orientation_of(file) for file in some.files])
    rows = np.flatnonzero(np.isin(orientations, list(AS_STORED)))
    if not len(rows):
        return {}
    bits = same_bits(some.images)
    images = torch.stack([as_stored(bits[row], orientations[row]) for row in rows])
    return {IGNORED: OtherReading(rows, _with(some, rows, images.view(some.images.dtype)))}


def orientation_of(file: str) -> int:
    """The EXIF entry of a picture; 1, which is upright, for all other files."""
    try:
        with Image.open(file, formats=FORMATS) as image:  # reads the header only
            return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # DICOM, a volume, or no file any more
        return 1


def as_stored(image: Tensor, orientation: int) -> Tensor:
    """An upright image as it lies in a file with this orientation."""
    flipped, turns = AS_STORED[int(orientation)]
    return torch.rot90(image.flip(-1) if flipped else image, turns, (-2, -1))


def _deep(some: Split) -> dict[str, OtherReading]:
    """The images of files with more than 8 bits, with all bits and without a window."""
    finer = _read_again(some, Reading(16))
    places = np.array(finer.positions, int)
    deep = np.flatnonzero(finer.facts["bits"].to_numpy()[places] > 8)
    rows = places[deep]
    if not len(rows) or not _are_the_same(finer.images[deep], some.images[rows]):
        return {}
    full = _read_again(some.take(rows), Reading(16, FULL))
    places = rows[list(full.positions)]
    found = {WINDOWLESS: OtherReading(places, _with(some, places, full.images))}
    if some.depth == 8:
        found[FINER] = OtherReading(rows, _with(some, rows, finer.images[deep]))
    return found


def _read_again(some: Split, reading: Reading) -> ReadImages:
    return read_images(some.files, some.size, some.images.shape[1], reading=reading)


def _are_the_same(read: Tensor, images: Tensor) -> bool:
    """Whether the images are those of the files; they may have been changed since."""
    both = [grey_levels(in_depth(each, 8)) for each in (read, images)]
    return bool((both[0] - both[1]).abs().max() <= ROUNDED)


def _with(some: Split, rows: np.ndarray, images: Tensor) -> Split:
    return replace(some.take(rows), images=images, masks=None)
