"""How large a file may be: checked in its header, before any pixel is unpacked."""

from contextlib import ExitStack
from threading import Lock

from utils.data.formats.reading import Unreadable

BYTE_LIMIT = 512 * 2**20
PIXEL_LIMIT = 50_000_000  # of one image; a mammogram has 20 million
FRAME_LIMIT = 4096
TOTAL_LIMIT = 1_000_000_000  # pixels of all images of a file
LARGE = 8_000_000  # pixels: larger files are unpacked one at a time to limit memory
ONE_AT_A_TIME = Lock()


def check_size(width: int, height: int) -> None:
    """Refuse an image that is too large."""
    if width * height > PIXEL_LIMIT:
        raise Unreadable(f"{width} x {height} pixels, the limit is {PIXEL_LIMIT:,}")


def check_frames(count: int, width: int, height: int, turn: ExitStack | None = None) -> None:
    """Refuse a file with too many images, or too large ones; a large file waits for its turn."""
    check_size(width, height)
    if count > FRAME_LIMIT:
        raise Unreadable(f"holds {count:,} images, the limit is {FRAME_LIMIT:,}")
    if count * width * height > TOTAL_LIMIT:
        raise Unreadable(
            f"{count:,} images of {width} x {height} pixels, the limit is {TOTAL_LIMIT:,} together"
        )
    if turn and count * width * height > LARGE:
        turn.enter_context(ONE_AT_A_TIME)  # until the turn ends
