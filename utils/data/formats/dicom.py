"""DICOM: one image or many frames, rescaled and shown in a window; MONOCHROME1 is inverted."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from io import BytesIO

import numpy as np

from utils.data.formats.levels import DeepImage, Frames, deep_frames, window
from utils.data.formats.limits import check_frames
from utils.data.formats.reading import SHOWN, Reading, Unreadable

MARK = slice(128, 132)  # where a DICOM file says DICM
DEFLATED = b"1.2.840.10008.1.2.1.99"  # a syntax whose unpacked size is unknown beforehand
# Where files with many frames keep what others keep at the top.
NESTED = ("PixelValueTransformationSequence", "FrameVOILUTSequence")


def is_dicom(content: bytes) -> bool:
    return content[MARK] == b"DICM"


def dicom(content: bytes, reading: Reading, turn: ExitStack) -> Frames:
    """What a DICOM file holds."""
    dataset = read_dataset(content)
    count = int(dataset.get("NumberOfFrames") or 1)
    check_frames(count, int(dataset.Columns), int(dataset.Rows), turn)
    kind = dataset.PhotometricInterpretation
    if dataset.SamplesPerPixel == 3 and dataset.BitsAllocated == 8:
        return Frames(count, _stored(dataset, count))
    if not kind.startswith("MONOCHROME"):
        raise Unreadable(f"DICOM of kind {kind}, {dataset.BitsAllocated} bits, is not read")
    if reading.window == SHOWN and (named := _in_own_window(dataset, count, reading)):
        return named
    again, full = partial(_rescaled, dataset, count), partial(_full_range, dataset)
    return deep_frames(count, again, reading, full)


def read_dataset(content: bytes):
    """The header of a DICOM file, with its pixels still packed."""
    try:
        from pydicom import dcmread
    except ImportError:
        raise Unreadable("DICOM needs the package pydicom: pip install pydicom") from None
    if DEFLATED in content[:4096]:
        raise Unreadable("deflated DICOM; save it with another transfer syntax")
    return dcmread(BytesIO(content))


def own_window(facts) -> tuple[float, float, str] | None:
    """What a file (or a frame) shows as black and as white in its window, and how it names it."""
    from pydicom.pixels import apply_windowing

    if facts.get("VOILUTSequence"):
        return 0, 2 ** int(facts.VOILUTSequence[0].LUTDescriptor[2]) - 1, "table of the file"
    if facts.get("WindowWidth") is None:
        return None
    with np.errstate(over="ignore"):  # the ends of a sigmoid window
        low, high = apply_windowing(np.array([-1e9, 1e9]), facts)
    return low, high, "window of the file"


def shown_range(dataset, frame: int, reading: Reading) -> tuple[float, float] | None:
    """What is black and what is white in a frame, in the units of the file; None if these are not
    evenly spaced in between, and for colour."""
    if dataset.SamplesPerPixel > 1:
        return None
    facts, count = frame_facts(dataset, frame), int(dataset.get("NumberOfFrames") or 1)
    if reading.window != SHOWN or own_window(facts) is None:
        again, full = partial(_rescaled, dataset, count), partial(_full_range, dataset)
        return window(count, again, reading, full)[:2]
    kind = facts.get("VOILUTFunction") or "LINEAR"
    if facts.get("VOILUTSequence") or kind == "SIGMOID":
        return None
    centre, width = _first(facts.WindowCenter), _first(facts.WindowWidth)
    if kind == "LINEAR":  # DICOM PS3.3 C.11.2.1.2.1
        centre, width = centre - 0.5, width - 1
    return centre - width / 2, centre + width / 2


def _first(value) -> float:
    return float(value if isinstance(value, (int, float)) else value[0])


def frame_facts(dataset, frame: int):
    """Rescaling and window of one frame, wherever the file keeps them."""
    groups = dataset.get("PerFrameFunctionalGroupsSequence"), frame
    shared = dataset.get("SharedFunctionalGroupsSequence"), 0
    found = [part[place] for part, place in (shared, groups) if part and place < len(part)]
    if not found:
        return dataset
    facts = _top(dataset)
    for group in found:
        for name in NESTED:
            facts.update(group[name][0] if name in group else {})
    return facts


def _top(dataset):
    """The header without pixels and frames, so that it may be changed."""
    from pydicom.dataset import Dataset

    large = ("PixelData", "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
    facts = Dataset()
    facts.update({element.tag: element for element in dataset if element.keyword not in large})
    return facts


def _stored(dataset, count: int) -> Iterator[np.ndarray]:
    """The pixels of each frame as they are stored."""
    if count == 1:
        yield dataset.pixel_array
        return
    from pydicom.pixels import iter_pixels

    yield from iter_pixels(dataset)


def _rescaled(dataset, count: int) -> Iterator[DeepImage]:
    """Each frame in the units of the file, without its padding."""
    from pydicom.pixels import apply_modality_lut

    inverted = dataset.PhotometricInterpretation == "MONOCHROME1"
    for frame, stored in enumerate(_stored(dataset, count)):
        levels = apply_modality_lut(stored, frame_facts(dataset, frame))
        yield DeepImage(levels, _cover(stored, dataset), inverted)


def _cover(stored: np.ndarray, dataset) -> np.ndarray | None:
    """0 where a scanner has filled up a round image to a square, else 1."""
    padding = dataset.get("PixelPaddingValue")
    if padding is None:
        return None
    other = dataset.get("PixelPaddingRangeLimit")
    low, high = sorted((int(padding), int(padding if other is None else other)))
    outside = (stored >= low) & (stored <= high)
    return None if outside.all() or not outside.any() else (~outside).astype(np.uint8)


def _in_own_window(dataset, count: int, reading: Reading) -> Frames | None:
    """All frames in the windows that the file names, if it does."""
    named = own_window(frame_facts(dataset, 0))
    if named is None:
        return None
    name, ends = named[-1], shown_range(dataset, 0, reading)
    levels = f"{name}: {ends[0]:g} to {ends[1]:g}" if ends else name
    return Frames(count, _each_in_its_window(dataset, count, reading.depth), levels)


def _each_in_its_window(dataset, count: int, depth: int) -> Iterator[np.ndarray]:
    from pydicom.pixels import apply_voi_lut

    for frame, image in enumerate(_rescaled(dataset, count)):
        facts = frame_facts(dataset, frame)
        low, high, _ = own_window(facts) or _refuse(frame)
        shown = apply_voi_lut(image.levels, facts)
        yield DeepImage(shown, image.cover, image.inverted).in_window(low, high, depth)


def _refuse(frame: int):
    raise Unreadable(f"frame {frame + 1} names no window, but the first does; choose one")


def _full_range(dataset) -> tuple[float, float]:
    """What the stored bits can hold, in the units of the file."""
    from pydicom.pixels import apply_modality_lut

    bits = int(dataset.BitsStored)
    lowest = -(2 ** (bits - 1)) if dataset.PixelRepresentation else 0
    ends = np.array([lowest, lowest + 2**bits - 1])
    low, high = sorted(apply_modality_lut(ends, frame_facts(dataset, 0)).tolist())
    return float(low), float(high)
