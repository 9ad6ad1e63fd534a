"""Damage that Pillow reads over: JPEG data with a hole or an early end, broken strips of a TIFF.

libjpeg fills what is missing and warns, but Pillow keeps the warnings to itself. Two signs are
looked for in every JPEG, also in those that a TIFF consists of: a hole of zeros as large as a
block of a disk, and a last corner of exactly the middle grey with which libjpeg fills. Only then
are they decoded again by OpenCV, in a process of its own, because OpenCV prints the warnings.
Single wrong bits are not noticed.
"""

import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from utils import HOME
from utils.data.formats.limits import PIXEL_LIMIT
from utils.data.formats.reading import Unreadable

HOLE = bytes(4096)  # compressed images of one grey level have shorter runs of zeros
SCAN, SCAN_LIMIT = b"\xff\xda", 100  # a progressive JPEG has about ten; each costs a whole pass
BLOCK, MIDDLE_GREY = 8, 128
DECODE = (
    "import io, sys, cv2, numpy; found = numpy.load(io.BytesIO(sys.stdin.buffer.read()));"
    "[cv2.imdecode(found[name], cv2.IMREAD_GRAYSCALE) for name in found]"
)
PATIENCE = 60  # seconds
MISSING = "damaged: part of the JPEG data is missing"
COMPRESSION, DEFLATE, JPEG = 259, (8, 32946), 7  # entry of a TIFF
TABLES, START, END = 347, b"\xff\xd8", b"\xff\xd9"  # of all its JPEGs; marks around each
PARTS = ((273, 279), (324, 325))  # entries with the places and lengths of strips and of tiles


def check_jpeg(content: bytes, image: Image.Image, full: tuple[int, int]) -> None:
    """Refuse a JPEG with too many scans, or with damaged data; `image` may be drafted smaller."""
    if _has_sign(content, image, full) and _libjpeg_warns([content]):
        raise Unreadable(MISSING)


def check_tiff(content: bytes, image: Image.Image, pages: list[int]) -> None:
    """Refuse damaged JPEG data, and deflated data that do not unpack or whose checksum is wrong."""
    doubtful = []
    for page in pages:
        image.seek(page)
        tags = image.tag_v2
        if tags.get(COMPRESSION) in DEFLATE:
            for strip in _strips(content, tags):
                _check_deflated(strip, page)
        elif tags.get(COMPRESSION) == JPEG:
            doubtful += _doubtful(_strips(content, tags), bytes(tags.get(TABLES, b"")))
    image.seek(pages[0])
    if doubtful and _libjpeg_warns(doubtful):
        raise Unreadable(MISSING)


def _strips(content: bytes, tags) -> Iterator[bytes]:
    for offsets, counts in PARTS:
        for start, length in zip(tags.get(offsets, ()), tags.get(counts, ()), strict=True):
            yield content[start : start + length]


def _doubtful(strips: Iterable[bytes], tables: bytes) -> Iterator[bytes]:
    """Strips that may be damaged: each is a JPEG, but for the tables that all of them share."""
    pixels = 0
    for strip in strips:
        whole = tables.removesuffix(END) + strip.removeprefix(START) if tables else strip
        try:
            image = Image.open(BytesIO(whole), formats=["JPEG"])
            pixels += image.width * image.height
            if pixels > 2 * PIXEL_LIMIT:  # tiles overlap the edge of a page, but not by its area
                raise Unreadable("holds JPEG strips that are larger than its page")
            if _has_sign(whole, image, image.size):
                yield whole
        except (OSError, Image.DecompressionBombError):
            raise Unreadable(MISSING) from None


def _has_sign(content: bytes, image: Image.Image, full: tuple[int, int]) -> bool:
    """Whether a JPEG may be damaged; one with too many scans, or without an end, is refused."""
    if (scans := content.count(SCAN)) > SCAN_LIMIT:
        raise Unreadable(f"JPEG with {scans:,} scans, the limit is {SCAN_LIMIT}")
    if content.endswith(HOLE) and content.rfind(END) < content.rfind(SCAN):
        raise Unreadable(MISSING)  # zeros to the end may be codes, and then libjpeg does not warn
    image.load()
    return HOLE in content or _ends_in_grey(image, full)


def _check_deflated(strip: bytes, page: int) -> None:
    unpacking = zlib.decompressobj()
    try:
        left = strip
        while left and not unpacking.eof:  # in parts, so that a bomb takes no memory
            unpacking.decompress(left, 2**20)
            left = unpacking.unconsumed_tail
    except zlib.error:
        raise Unreadable(f"damaged: TIFF data of page {page + 1} do not unpack") from None
    if not unpacking.eof:
        raise Unreadable(f"damaged: TIFF data of page {page + 1} end early")


def _ends_in_grey(image: Image.Image, full: tuple[int, int]) -> bool:
    if image.mode not in ("L", "RGB"):
        return False
    side = max(1, BLOCK * image.width // full[0])
    corner = image.crop((image.width - side, image.height - side, image.width, image.height))
    return bool((np.asarray(corner) == MIDDLE_GREY).all())


def _libjpeg_warns(contents: list[bytes]) -> bool:
    np.savez(packed := BytesIO(), *(np.frombuffer(content, np.uint8) for content in contents))
    # Python must not look for cv2 in the current folder, which may be the folder of the images.
    found = subprocess.run(
        [sys.executable, "-P", "-c", DECODE],
        cwd=HOME,  # which PYTHONPATH may call "."
        input=packed.getvalue(),
        capture_output=True,
        timeout=PATIENCE,
    )
    return b"Corrupt JPEG data" in found.stderr
