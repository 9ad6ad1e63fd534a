"""Decodes one image file safely, or gives the reason why it cannot be read.

The content decides what a file is, never its name: JPEG, PNG, BMP, TIFF and, with the `dicom`
extra, DICOM.

- more than 8 bits (PNG, TIFF): stretched from its darkest to its brightest pixel, as image
  viewers do, because such files rarely use the range of their type (16-bit colour keeps the
  upper 8 bits);
- DICOM: rescaled, then its first window; without one stretched likewise; MONOCHROME1 inverted;
- rotated upright by its EXIF entry; transparent parts become black;
- shrunk to a square by an anti-aliased kernel. The aspect ratio is not kept: nothing of the
  image is cut off, and no border is added that could reveal a class.
"""

import os
import stat
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from utils.run import progress

FORMATS = ("JPEG", "PNG", "BMP", "TIFF")
BYTE_LIMIT = 512 * 2**20
PIXEL_LIMIT = 50_000_000  # a mammogram has 20 million
LARGE = 8_000_000  # pixels: larger images are unpacked one at a time to limit memory
ONE_AT_A_TIME = Lock()
DEFLATED = b"1.2.840.10008.1.2.1.99"  # DICOM syntax whose unpacked size is unknown beforehand


class Unreadable(Exception):
    """The reason why one file is set aside, in words for the user."""


def read_file(path: Path, size: int, channels: int) -> tuple[bytes, Tensor]:
    """The bytes of one file and its pixels, or Unreadable with the reason."""
    try:
        content = _content(path)
        return content, _pixels(content, size, channels)
    except Unreadable:
        raise
    except Exception as error:  # decoders raise many kinds of errors for broken files
        raise Unreadable(f"cannot be decoded ({type(error).__name__}: {error})") from None


def in_threads(read, count: int, title: str = "reading") -> list:
    """Pillow releases the interpreter while it decodes, so threads use every core."""
    with warnings.catch_warnings(), ThreadPoolExecutor((os.cpu_count() or 1) + 2) as pool:
        # Odd files are handled here one by one; the warnings of the decoders add nothing.
        warnings.filterwarnings("ignore", module=r"(PIL|pydicom)\.")
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return list(progress(pool.map(read, range(count)), title, count))


def _content(path: Path) -> bytes:
    try:
        facts = os.stat(path)
        if not stat.S_ISREG(facts.st_mode):  # opening a pipe would block
            raise Unreadable("not a regular file")
        if facts.st_size > BYTE_LIMIT:
            raise Unreadable(f"{facts.st_size:,} bytes, the limit is {BYTE_LIMIT:,}")
        content = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"cannot be opened ({error.strerror})") from None
    if not content:
        raise Unreadable("empty file")
    return content


def _pixels(content: bytes, size: int, channels: int) -> Tensor:
    """uint8 (channels, size, size) from the bytes of one file."""
    with ExitStack() as turn:
        dicom = content[128:132] == b"DICM"
        image = _dicom(content, turn) if dicom else _picture(content, size, channels, turn)
        image = image.convert("L" if channels == 1 else "RGB")
        image = image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return torch.from_numpy(np.array(image)).reshape(size, size, channels).permute(2, 0, 1)


def _picture(content: bytes, size: int, channels: int, turn: ExitStack) -> Image.Image:
    try:
        image = Image.open(BytesIO(content), formats=FORMATS)  # reads the header only
    except UnidentifiedImageError:
        raise Unreadable(f"not an image ({', '.join(FORMATS)} or DICOM)") from None
    except Image.DecompressionBombError:
        raise Unreadable(f"too many pixels, the limit is {PIXEL_LIMIT:,}") from None
    _check_size(*image.size)
    # MPO files of phones are JPEGs whose further frames are previews of the first.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise Unreadable(f"holds {image.n_frames} frames; save the one you mean by itself")
    image.draft("L" if channels == 1 else "RGB", (2 * size, 2 * size))  # large JPEGs: 1/2, 1/4, 1/8
    _check_size(*image.size, turn)
    return ImageOps.exif_transpose(_eight_bits(image))


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode[0] in "IF":  # 16- and 32-bit integers, floats
        inverted = image.format == "TIFF" and image.tag_v2.get(262) == 0
        upright = image.getexif()
        levels = _stretched(np.asarray(image))
        wide = Image.fromarray(255 - levels if inverted else levels)
        wide.getexif().update(upright)
        return wide
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, "black")
        return Image.alpha_composite(black, image.convert("RGBA"))
    return image


def _stretched(levels: np.ndarray, low: float | None = None, high: float | None = None):
    """uint8: `low` becomes 0 and `high` 255; by default the darkest and the brightest pixel."""
    levels = levels.astype(np.float32)
    if not np.isfinite(levels).all():
        raise Unreadable("holds NaN or infinite values")
    low = levels.min() if low is None else low
    high = levels.max() if high is None else high
    share = (levels - low) / max(high - low, np.finfo(np.float32).tiny)
    return np.rint(255 * share.clip(0, 1)).astype(np.uint8)


def _dicom(content: bytes, turn: ExitStack) -> Image.Image:
    try:
        from pydicom import dcmread
    except ImportError:
        raise Unreadable("DICOM needs the package pydicom: pip install pydicom") from None
    if DEFLATED in content[:4096]:
        raise Unreadable("deflated DICOM; save it with another transfer syntax")
    dataset = dcmread(BytesIO(content))
    _check_size(int(dataset.Columns), int(dataset.Rows), turn)
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise Unreadable(f"holds {dataset.NumberOfFrames} frames; save the one you mean by itself")
    kind = dataset.PhotometricInterpretation
    if dataset.SamplesPerPixel == 3 and dataset.BitsAllocated == 8:
        return Image.fromarray(dataset.pixel_array)
    if not kind.startswith("MONOCHROME"):
        raise Unreadable(f"DICOM of kind {kind}, {dataset.BitsAllocated} bits, is not read")
    levels = _windowed(dataset)
    return Image.fromarray(255 - levels if kind == "MONOCHROME1" else levels)


def _windowed(dataset) -> np.ndarray:
    """Grey levels as a viewer shows them at first: rescaled, in the window that the file names."""
    from pydicom.pixels import apply_modality_lut, apply_voi_lut, apply_windowing

    levels = apply_modality_lut(dataset.pixel_array, dataset)
    if dataset.get("VOILUTSequence"):
        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        return _stretched(apply_voi_lut(levels, dataset), 0, 2**bits - 1)
    if dataset.get("WindowWidth") is None:
        return _stretched(levels)
    with np.errstate(over="ignore"):  # the ends of a sigmoid window
        low, high = apply_windowing(np.array([-1e9, 1e9]), dataset)
    return _stretched(apply_voi_lut(levels, dataset), low, high)


def _check_size(width: int, height: int, turn: ExitStack | None = None) -> None:
    """Check the header before any pixel is unpacked; large images wait for their turn."""
    if width * height > PIXEL_LIMIT:
        raise Unreadable(f"{width} x {height} pixels, the limit is {PIXEL_LIMIT:,}")
    if turn and width * height > LARGE:
        turn.enter_context(ONE_AT_A_TIME)
