"""NIfTI volumes: slices across one axis, as a radiologist looks at them.

The right of the patient is on the left; front, or in coronal and sagittal slices the head, is at
the top. One window for the whole volume, so that its slices can be compared. NaN is background.
"""

import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from io import BytesIO

import numpy as np

from utils.data.formats.levels import DeepImage, Frames, deep_frames, range_of
from utils.data.formats.limits import check_frames
from utils.data.formats.reading import AXES, Reading, Unreadable

PACKED = b"\x1f\x8b"
HEADER = 352  # bytes
UNPACKED_LIMIT = 2**31  # bytes
KINDS = ((b"n+1\0", 344), (b"n+2\0", 4))  # what NIfTI-1 and NIfTI-2 say, and where


def is_nifti(content: bytes) -> bool:
    """Whether it is a volume, packed by gzip or not."""
    start = content[:HEADER]
    if start.startswith(PACKED):
        try:
            start = zlib.decompressobj(31).decompress(content[:4096], HEADER)
        except zlib.error:
            return False
    return any(start[place : place + len(mark)] == mark for mark, place in KINDS)


def nifti(content: bytes, reading: Reading, turn: ExitStack) -> Frames:
    """The slices of a volume."""
    volume = read_volume(content)
    axis = AXES[reading.axis]
    across = [length for place, length in enumerate(volume.shape) if place != axis]
    check_frames(volume.shape[axis], *across, turn)
    again, full = partial(_slices, volume, axis), partial(_full_range, volume)
    return deep_frames(volume.shape[axis], again, reading, full)


def read_volume(content: bytes):
    """The volume with its axes from left, back and foot to right, front and head."""
    try:
        import nibabel
    except ImportError:
        raise Unreadable("NIfTI needs the package nibabel: pip install nibabel") from None
    content = _unpacked(content)
    kind = nibabel.Nifti2Image if content[4:8] == b"n+2\0" else nibabel.Nifti1Image
    volume = kind.from_stream(BytesIO(content))
    shape = volume.shape
    if len(shape) < 3 or any(length != 1 for length in shape[3:]):
        raise Unreadable(f"NIfTI of shape {shape}; save the volume you mean by itself")
    if volume.get_data_dtype().kind not in "iuf":
        raise Unreadable(f"NIfTI of kind {volume.get_data_dtype()} is not read")
    if int(np.prod(shape)) * volume.get_data_dtype().itemsize > len(content):
        raise Unreadable("NIfTI that ends before its last voxel")
    if len(shape) > 3:
        volume = volume.slicer[(..., *[0] * (len(shape) - 3))]
    return nibabel.as_closest_canonical(volume)


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(PACKED):
        return content
    packed = zlib.decompressobj(31)
    found = packed.decompress(content, UNPACKED_LIMIT)
    if not packed.eof:
        reason = "unpacks to more than" if packed.unconsumed_tail else "ends within its first"
        raise Unreadable(f"NIfTI that {reason} {UNPACKED_LIMIT:,} bytes")
    return found


def _slices(volume, axis: int) -> Iterator[DeepImage]:
    """Seen from the feet, from the front, from the left: rows fall from head or front."""
    for place in range(volume.shape[axis]):
        index = [slice(None)] * 3
        index[axis] = place
        levels = np.asarray(volume.dataobj[tuple(index)])[::-1, ::-1].T
        known = None if levels.dtype.kind != "f" else ~np.isnan(levels)
        if known is None or known.all():
            yield DeepImage(levels)
        else:
            yield DeepImage(np.where(known, levels, 0), known.astype(np.uint8))


def _full_range(volume) -> tuple[float, float]:
    low, high = range_of(volume.get_data_dtype())
    slope, intercept = (volume.dataobj.slope, volume.dataobj.inter)
    return tuple(sorted((low * slope + intercept, high * slope + intercept)))
