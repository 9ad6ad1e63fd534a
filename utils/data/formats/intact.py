"""Damage that Pillow reads over: JPEG data with a hole or an early end, broken strips of a TIFF.

libjpeg fills what is missing and warns, but Pillow keeps the warnings to itself. Two signs are
looked for in every file: a hole of zeros as large as a block of a disk, and a last corner of
exactly the middle grey with which libjpeg fills. Only then is the file decoded again by OpenCV, in
a process of its own, because OpenCV prints the warnings. Single wrong bits are not noticed.
"""

import subprocess
import sys
import zlib

import numpy as np
from PIL import Image

from utils.data.formats.reading import Unreadable

HOLE = bytes(4096)  # compressed images of one grey level have shorter runs of zeros
SCAN, SCAN_LIMIT = b"\xff\xda", 100  # a progressive JPEG has about ten; each costs a whole pass
BLOCK, MIDDLE_GREY = 8, 128
DECODE = (
    "import sys, cv2, numpy;"
    "cv2.imdecode(numpy.frombuffer(sys.stdin.buffer.read(), numpy.uint8), cv2.IMREAD_GRAYSCALE)"
)
OWN_MODULES = "-P"  # Python would first look for cv2 in the current folder, perhaps a stranger's
PATIENCE = 60  # seconds
COMPRESSION, DEFLATE = 259, (8, 32946)  # entry of a TIFF
PARTS = ((273, 279), (324, 325))  # entries with the places and lengths of strips and of tiles


def check_jpeg(content: bytes, image: Image.Image, full: tuple[int, int]) -> None:
    """Refuse a JPEG with too many scans, or with damaged data; `image` may be drafted smaller."""
    if (scans := content.count(SCAN)) > SCAN_LIMIT:
        raise Unreadable(f"JPEG with {scans:,} scans, the limit is {SCAN_LIMIT}")
    image.load()
    if (HOLE in content or _ends_in_grey(image, full)) and _libjpeg_warns(content):
        raise Unreadable("damaged: part of the JPEG data is missing")


def check_tiff(content: bytes, image: Image.Image, pages: list[int]) -> None:
    """Refuse deflated strips and tiles that do not unpack, or whose checksum is wrong."""
    for page in pages:
        image.seek(page)
        tags = image.tag_v2
        for offsets, counts in PARTS if tags.get(COMPRESSION) in DEFLATE else ():
            for start, length in zip(tags.get(offsets, ()), tags.get(counts, ()), strict=True):
                _check_deflated(content[start : start + length], page)
    image.seek(pages[0])


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


def _libjpeg_warns(content: bytes) -> bool:
    found = subprocess.run(
        [sys.executable, OWN_MODULES, "-c", DECODE], input=content, capture_output=True, timeout=PATIENCE
    )
    return b"Corrupt JPEG data" in found.stderr
