"""Decodes one image file safely, or gives the reason why it cannot be read.

The content decides what a file is, never its name: JPEG, PNG, BMP, TIFF, NIfTI and, with the
`dicom` extra, DICOM. The pages of a TIFF, the frames of a DICOM file and the slices of a volume
are images of one patient; those with a single grey level are left out.

- grey of more than 8 bits is shown in a window, see `Reading`: the one that a DICOM file names,
  otherwise from the darkest to the brightest pixel, as image viewers do, because such files rarely
  use the range of their type;
- 16-bit colour keeps its range;
- every image is shrunk to a square by an anti-aliased kernel. The aspect ratio is not kept:
  nothing of the image is cut off, and no border is added that could reveal a class.
"""

import os
import stat
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from utils.data.formats.dicom import dicom, is_dicom
from utils.data.formats.levels import Frames
from utils.data.formats.limits import BYTE_LIMIT
from utils.data.formats.nifti import is_nifti, nifti
from utils.data.formats.pictures import picture
from utils.data.formats.reading import AS_SHOWN, Reading, Unreadable
from utils.run import progress

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in a grey level
WHITE = {8: np.uint8(255), 16: np.uint16(65535)}


def of_one_width(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """Images (n, channels, height, width), grey spread over three channels if some have colour."""
    channels = max((picture.shape[1] for picture in pictures), default=1)
    return [np.broadcast_to(p, (len(p), channels, *p.shape[2:])) for p in pictures]


@dataclass(frozen=True)
class Decoded:
    """The images of one file: `pixels` (n, channels, size, size), one channel if no image has
    colours, and the place of each in the file; `blank` others have a single grey level. `levels`
    says where the grey levels come from."""

    pixels: np.ndarray
    places: tuple[int, ...]
    blank: int
    levels: str


def read_file(
    path: Path, size: int, channels: int, reading: Reading = AS_SHOWN
) -> tuple[bytes, Decoded]:
    """The bytes of one file and its images, or Unreadable with the reason."""
    try:
        content = _content(path)
        return content, _decoded(content, size, channels, reading)
    except Unreadable:
        raise
    except Exception as error:  # decoders raise many kinds of errors for broken files
        raise Unreadable(f"cannot be decoded ({type(error).__name__}: {error})") from None


def in_threads(read, count: int, title: str = "reading") -> list:
    """Pillow releases the interpreter while it decodes, so threads use every core; with more of
    them than cores, waiting for the interpreter takes longer than reading a small file."""
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        # Odd files are handled here one by one; the warnings of the decoders add nothing.
        warnings.filterwarnings("ignore", module=r"(PIL|pydicom|nibabel)\.")
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


def _decoded(content: bytes, size: int, channels: int, reading: Reading) -> Decoded:
    with ExitStack() as turn:
        frames = _frames(content, size, channels, reading, turn)
        images = [_shrunk(image, size, channels, reading.depth) for image in frames.images]
    blank = [len(images) > 1 and bool(image.min() == image.max()) for image in images]
    places = tuple(place for place, empty in enumerate(blank) if not empty)
    if not places:
        raise Unreadable(f"each of its {len(images)} images has a single grey level")
    planes = of_one_width([images[place].transpose(2, 0, 1)[None] for place in places])
    return Decoded(np.concatenate(planes), places, sum(blank), frames.levels)


def _frames(content: bytes, size: int, channels: int, reading: Reading, turn: ExitStack) -> Frames:
    if is_dicom(content):
        return dicom(content, reading, turn)
    if is_nifti(content):
        return nifti(content, reading, turn)
    return picture(content, size, channels, reading, turn)


def _shrunk(image: Image.Image | np.ndarray, size: int, channels: int, depth: int) -> np.ndarray:
    """A square of `size` pixels, (size, size, 1) or (size, size, 3); at most `channels`."""
    if depth == 8:
        small = image if isinstance(image, Image.Image) else Image.fromarray(image)
        mode = "L" if channels == 1 or small.mode == "L" else "RGB"
        small = small if small.mode == mode else small.convert(mode)
        return np.array(_resized(small, size)).reshape(size, size, -1)
    shares = _in_channels(image, channels)
    planes = [_resized(Image.fromarray(plane), size) for plane in shares]
    levels = np.rint(WHITE[depth] * np.stack(planes, -1).clip(0, 1))
    return levels.astype(WHITE[depth].dtype)


def _in_channels(image: Image.Image | np.ndarray, channels: int) -> list[np.ndarray]:
    """Grey, or red, green and blue, as shares of white."""
    if isinstance(image, Image.Image):
        image = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    if image.dtype == np.uint8:
        image = image / np.float32(255)
    if image.ndim == 3 and channels == 1:
        image = image @ np.array(LUMA, np.float32)
    planes = [image] * channels if image.ndim == 2 else np.moveaxis(image, -1, 0)
    return [np.ascontiguousarray(plane, np.float32) for plane in planes]


def _resized(image: Image.Image, size: int) -> Image.Image:
    return image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
