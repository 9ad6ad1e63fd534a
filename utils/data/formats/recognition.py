"""Whether a file may be an image, so that it must not be passed over without a word."""

from pathlib import Path

SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".dcm", ".nii", ".gif", ".webp"),
    *(".heic", ".avif", ".jp2", ".svs", ".mha", ".nrrd", ".mgz"),  # not read, but listed
)
STARTS = (  # of files whose names say nothing: scanners write IM0001
    *(b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"GIF8", b"RIFF"),
    *(b"\x1f\x8b", b"\x5c\x01\0\0", b"\0\0\x01\x5c"),  # NIfTI, packed or not
)
HEADER = 132  # bytes: DICOM says so at the end of them


def may_be_image(path: Path) -> bool:
    """By its name or by its first bytes; what cannot be opened may be one."""
    if path.suffix.lower() in SUFFIXES or not path.is_file():  # a pipe would block
        return True
    try:
        with path.open("rb") as file:
            start = file.read(HEADER)
    except OSError:
        return True
    return start.startswith(STARTS) or start.endswith(b"DICM")
