"""What is asked of every file once: facts of its bytes and header, and its picture made small.

What was learned is kept in pieces, each written whole. Whoever is killed and started again asks
only the files that are missing or have changed since, by name, size and time.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from utils.data.image_files import FORMATS, Unreadable, in_threads, read_file
from utils.files import atomic_write, read_tensors
from utils.run import progress

RECIPE = 2  # another number where the same file would be read in another way
PIECE = 256  # files whose answers are written together
ABANDONED = 3600  # seconds since anybody wrote to it: another audit writes a piece in a few
BITS = {"1": 1, "I;16": 16, "I;16B": 16, "I;16L": 16, "I": 32, "F": 32}  # by Pillow's mode; else 8
NAMED = {
    **dict.fromkeys((".jpg", ".jpeg"), ("JPEG", "MPO")),
    **dict.fromkeys((".tif", ".tiff"), ("TIFF",)),
    **{".png": ("PNG",), ".bmp": ("BMP",), ".dcm": ("DICOM",)},
}
TEXT = ("format", "colour", "digest", "patient", "reason")
NUMBERS = ("bytes", "width", "height", "bits")


def read_facts(files: Sequence[Path], size: int, cache: Path) -> tuple[list[dict], Tensor]:
    """Facts of every file, and uint8 pictures (n, channels, size, size) of all.

    Who cannot be read has a `reason`, and a black picture.
    """
    keys = [_key(file) for file in files]
    known = _remembered(cache, set(keys), size)
    missing = [(key, file) for key, file in zip(keys, files, strict=True) if key not in known]
    pieces = [missing[start : start + PIECE] for start in range(0, len(missing), PIECE)]
    for piece in progress(pieces, f"reading {len(missing):,} files, {PIECE} at a time"):
        rows, pictures = _learned([file for _, file in piece], size)
        known.update(zip([key for key, _ in piece], zip(rows, pictures, strict=True), strict=True))
        good = [place for place, row in enumerate(rows) if not row["reason"]]
        _remember(cache, size, [piece[n][0] for n in good], [rows[n] for n in good], pictures[good])
    _sweep(cache)
    rows = [known[key][0] for key in keys]
    pictures = [known[key][1] for key in keys]
    channels = max((len(picture) for picture in pictures), default=1)
    images = torch.zeros(len(files), channels, size, size, dtype=torch.uint8)
    for place, picture in enumerate(pictures):
        images[place] = picture  # grey is spread over the channels
    return rows, images


def _remember(cache: Path, size: int, keys: list[str], rows: list[dict], pictures: Tensor) -> None:
    """Reasons are not kept: tomorrow there may be a right to read, or a library that can."""
    with atomic_write(cache / f"{size}_{_digest(*keys)}.pt") as unfinished:
        torch.save({"keys": keys, "rows": rows, "pictures": pictures}, unfinished)


def _sweep(cache: Path) -> None:
    """Remove what killed audits have left half written; what another one writes now is young."""
    for path in cache.glob(".*.pt.*.part"):
        try:
            if time.time() - path.stat().st_mtime > ABANDONED:
                path.unlink()
        except FileNotFoundError:  # its writer has just finished, or somebody swept before
            continue


def _key(file: Path) -> str:
    """Changes when the file does; whoever cannot even be asked is asked again."""
    try:
        facts = file.stat()
    except OSError as error:
        return f"{file} {error.errno}"
    return _digest(RECIPE, file, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


def _digest(*parts) -> str:
    text = "\n".join(map(str, parts)).encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).hexdigest()[:32]


def _remembered(cache: Path, wanted: set[str], size: int) -> dict[str, tuple]:
    """What earlier runs have learned; pieces that are damaged or of no use any more are removed."""
    known = {}
    for path in sorted(cache.glob(f"{size}_*.pt")):
        try:
            answers = read_tensors(path)
            useful = {k: found for k, found in _by_key(answers) if k in wanted}
        except (ValueError, KeyError, TypeError):
            useful = {}
        if not useful:
            path.unlink(missing_ok=True)
        known |= useful
    return known


def _by_key(answers: dict) -> Iterator[tuple[str, tuple]]:
    pairs = zip(answers["rows"], answers["pictures"], strict=True)
    return zip(answers["keys"], pairs, strict=True)


def _learned(files: Sequence[Path], size: int) -> tuple[list[dict], Tensor]:
    pictures = torch.zeros(len(files), 3, size, size, dtype=torch.uint8)

    def learn(place: int) -> dict:
        row = dict.fromkeys(TEXT, "") | dict.fromkeys(NUMBERS, 0)
        try:
            content, pictures[place] = read_file(files[place], size, 3)
            return row | _facts(content)
        except Unreadable as reason:
            return row | {"reason": str(reason)}
        except Exception as error:  # a header can be broken in more ways than a library knows
            return row | {"reason": f"cannot be read ({type(error).__name__}: {error})"}

    rows = in_threads(learn, len(files), "this piece")
    grey = (pictures == pictures[:, :1]).all()
    return rows, pictures[:, :1].clone() if grey else pictures


def _facts(content: bytes) -> dict:
    """Of a file that has just been read, so that its header can be trusted that far."""
    common = {"bytes": len(content), "digest": hashlib.sha256(content).hexdigest()}
    if content[128:132] == b"DICM":
        return common | _dicom_facts(content)
    with Image.open(BytesIO(content), formats=FORMATS) as image:  # reads the header only
        width, height = image.size
        # Of a PNG the header says it; Pillow makes eight bits of sixteen where there are colours.
        bits = content[24] if image.format == "PNG" else BITS.get(image.mode, 8)
        return common | {
            "format": image.format, "colour": image.mode, "bits": bits,
            "width": width, "height": height,
        }  # fmt: skip


def _dicom_facts(content: bytes) -> dict:
    """The patient's number is kept only as a digest."""
    from pydicom import dcmread

    header = dcmread(BytesIO(content), stop_before_pixels=True)
    number = str(header.get("PatientID") or "")
    return {
        "format": "DICOM", "colour": str(header.PhotometricInterpretation),
        "bits": int(header.get("BitsStored") or header.BitsAllocated),
        "width": int(header.Columns), "height": int(header.Rows),
        "patient": number and _digest(number)[:12],
    }  # fmt: skip


def misnamed(name: str, kind: str) -> bool:
    """Whether a file's name promises another format than its content has."""
    promised = NAMED.get(Path(name).suffix.lower())
    return promised is not None and kind not in promised
