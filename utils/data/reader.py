"""Reads a list of image files piece by piece, with facts of each; a stopped reading resumes.

Each finished piece is written whole to a cache folder. The next reading opens only the files that
are missing there or have changed since, by name, size and time. The secret key that hides the
numbers of patients lies beside the pieces; with another key, all files are read again.

Only one piece of images is in memory at a time: with a cache, the array of all is a file that is
mapped, so the images may be more than the memory holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from utils.data.file_facts import NO_FACTS, facts_of_content, studies_of
from utils.data.formats.reading import AS_SHOWN, Reading, Unreadable
from utils.data.image_files import WHITE, in_threads, read_file
from utils.data.storage.pieces import Pieces, ReadFile
from utils.data.storage.spool import Place, Spool
from utils.files import close_to_others, secret_key, short_digest
from utils.run import progress

if TYPE_CHECKING:
    from torch import Tensor

READING_RECIPE = 7  # raise it when the same file would give other pixels or facts
PATIENT_KEY = "patients.key"
PIECE = 256  # files that are read, and written to the cache, together


@dataclass(frozen=True)
class ReadImages:
    """The images of a list of files, and what could not be read.

    `pixels` (n, channels, size, size) are uint8, or uint16 where 16 bits are wanted; `positions`
    of their files in the list, and `frames`, their places in these files: pages, frames, slices.
    `quarantine` (file, reason) of all others, `digest` of the bytes of those read, `facts` with a
    row for every file of the list.
    """

    pixels: np.ndarray
    positions: tuple[int, ...]
    quarantine: tuple[tuple[str, str], ...]
    digest: str
    facts: pd.DataFrame
    frames: tuple[int, ...]

    @cached_property
    def images(self) -> Tensor:
        """The pixels as a tensor."""
        import torch  # here: it takes seconds, and an audit may do without

        return torch.from_numpy(self.pixels)

    @property
    def has_volumes(self) -> bool:
        """Whether some file gives several images."""
        return bool((self.facts["frames"] > 1).any())

    @property
    def header_patients(self) -> np.ndarray:
        """The patient that the header of each file of the list names; "" if it names none."""
        names, digests = self.facts["patient"], self.facts["digest"].str[:16]
        return names.where(names != digests, "").to_numpy(dtype=object)

    @property
    def header_studies(self) -> np.ndarray:
        """The study that the header of each file names, in the same way."""
        return studies_of(self.facts)


def read_images(
    files: Sequence[str | Path],
    size: int,
    channels: int | None = None,
    cache: Path | None = None,
    reading: Reading = AS_SHOWN,
) -> ReadImages:
    """Read every file as `size` x `size` images, or set it aside with the reason.

    `channels` is 1, 3 or None: colour only if some image has it. Without a folder `cache` nothing
    is kept; only its owner may open that folder.
    """
    files = [Path(file) for file in files]
    if cache:
        close_to_others(Path(cache))
    kind = "-".join(filter(None, [reading.key, f"{size}_{channels or 'any'}"]))
    secret = secret_key(cache and Path(cache) / PATIENT_KEY)
    read = partial(_entry, size=size, channels=channels or 3, reading=reading, secret=secret)
    spool = Spool(cache and Path(cache), WHITE[reading.depth].dtype)
    found = _read_with_cache(files, read, Pieces(cache, kind), secret, spool)
    rows, good = [row for row, _ in found], [each for each in found if not each[0]["reason"]]
    facts = pd.DataFrame(rows, columns=list(NO_FACTS))
    refused = [
        (str(file), row["reason"]) for file, row in zip(files, rows, strict=True) if row["reason"]
    ]
    digest = hashlib.sha256("".join(row["digest"] for row, _ in good).encode()).hexdigest()
    pixels = spool.in_order([place for _, place in good], (0, channels or 1, size, size))
    counts = [0 if row["reason"] else row["frames"] for row in rows]
    positions = tuple(np.repeat(np.arange(len(files)), counts).tolist())
    frames = tuple(place for row, _ in good for place in row["places"])
    return ReadImages(pixels, positions, tuple(refused), digest, facts, frames)


def _entry(file: Path, size: int, channels: int, reading: Reading, secret: bytes) -> ReadFile:
    """The images of a file, or the reason why it is refused."""
    try:
        content, decoded = read_file(file, size, channels, reading)
        facts = facts_of_content(content, secret)
        if len(decoded.places) + decoded.blank > 1:  # one patient, known or not
            facts["patient"] = facts.get("patient") or facts["digest"][:16]
        own = {"frames": len(decoded.places), "blank": decoded.blank, "levels": decoded.levels}
        row = NO_FACTS | facts | own | {"places": decoded.places}
        return ReadFile(row, decoded.pixels)
    except Unreadable as reason:
        return ReadFile(NO_FACTS | {"reason": str(reason)})
    except Exception as error:  # a header can be broken in more ways than a library knows
        reason = f"cannot be read ({type(error).__name__}: {error})"
        return ReadFile(NO_FACTS | {"reason": reason})


def _read_with_cache(
    files: list[Path], read, pieces: Pieces, secret: bytes, spool: Spool
) -> list[tuple[dict, Place | None]]:
    """The facts of every file and the place of its images, from the cache or from the file."""
    keys = [_key(file, secret) for file in files]
    known = {key: _spooled(entry, spool) for key, entry in pieces.read(set(keys))}
    missing = [place for place, key in enumerate(keys) if key not in known]
    starts = range(0, len(missing), PIECE)
    for start in progress(starts, f"reading {len(missing):,} files, {PIECE} at a time"):
        piece = missing[start : start + PIECE]
        entries = _read_piece([files[place] for place in piece], read)
        names = [keys[place] for place in piece]
        pieces.write(names, entries)
        known |= zip(names, (_spooled(entry, spool) for entry in entries), strict=True)
    pieces.sweep()
    return [known[key] for key in keys]


def _spooled(entry: ReadFile, spool: Spool) -> tuple[dict, Place | None]:
    return entry.row, None if entry.pictures is None else spool.put(entry.pictures)


def _read_piece(files: list[Path], read) -> list[ReadFile]:
    entries = in_threads(lambda number: read(files[number]), len(files), "this piece")
    return [
        entry if entry.pictures is None else replace(entry, pictures=_grey_if_grey(entry.pictures))
        for entry in entries
    ]


def _key(file: Path, secret: bytes) -> str:
    """Changes when the file does, or the key that hides its patient."""
    try:
        facts = file.stat()
    except OSError as error:
        return f"{file} {error.errno}"
    times = (facts.st_mtime_ns, facts.st_ctime_ns)
    return short_digest(READING_RECIPE, secret.hex(), file, facts.st_size, *times)


def _grey_if_grey(images: np.ndarray) -> np.ndarray:
    return images[:, :1].copy() if (images == images[:, :1]).all() else images
