"""Reads a list of image files piece by piece, with facts of each; a stopped reading resumes.

Each finished piece is written whole to a cache folder. The next reading opens only the files that
are missing there or have changed since, by name, size and time. `load` and `audit` share it.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from utils.data.file_facts import NO_FACTS, facts_of_content
from utils.data.image_files import Unreadable, in_threads, read_file
from utils.files import atomic_write, read_tensors, short_digest
from utils.run import progress

READING_RECIPE = 3  # raise it when the same file would give other pixels or facts
PIECE = 256  # files that are read, and written to the cache, together
ABANDONED = 3600  # seconds since the last write: a running process writes a piece in a few


@dataclass(frozen=True)
class ReadImages:
    """The images of a list of files, and what could not be read.

    `images` uint8 (n, channels, size, size), `positions` of those images in the list,
    `quarantine` (file, reason) of all others, `digest` of the bytes of those read,
    `facts` with a row for every file of the list.
    """

    images: Tensor
    positions: tuple[int, ...]
    quarantine: tuple[tuple[str, str], ...]
    digest: str
    facts: pd.DataFrame


def read_images(
    files: Sequence[str | Path], size: int, channels: int | None = None, cache: Path | None = None
) -> ReadImages:
    """Read every file as a `size` x `size` image, or set it aside with the reason.

    `channels` is 1, 3 or None: colour only if some image has it. Without a folder `cache` nothing
    is kept.
    """
    files = [Path(file) for file in files]
    images = torch.zeros(len(files), channels or 3, size, size, dtype=torch.uint8)
    rows = _read_with_cache(files, images, _Pieces(cache, f"{size}_{channels or 'any'}"))
    facts = pd.DataFrame(rows, columns=list(NO_FACTS))
    good = [place for place, row in enumerate(rows) if not row["reason"]]
    refused = [
        (str(file), row["reason"]) for file, row in zip(files, rows, strict=True) if row["reason"]
    ]
    if refused:
        images = images[good]
    digest = hashlib.sha256("".join(rows[place]["digest"] for place in good).encode()).hexdigest()
    images = _grey_if_grey(images) if channels is None else images
    return ReadImages(images, tuple(good), tuple(refused), digest, facts)


@dataclass(frozen=True)
class _Pieces:
    """The cached pieces of one folder, for one size and number of channels."""

    folder: Path | None
    kind: str

    def write(self, keys: list[str], rows: list[dict], pictures: Tensor) -> None:
        """Refused files are not kept: a right to read, or a missing library, may come later."""
        if self.folder and keys:
            path = self.folder / f"{self.kind}_{short_digest(*keys)}.pt"
            with atomic_write(path) as unfinished:
                torch.save({"keys": keys, "rows": rows, "pictures": pictures}, unfinished)

    def read(self, wanted) -> Iterator[tuple[str, dict, Tensor]]:
        """Key, facts and pixels of every wanted file; useless and damaged pieces are removed."""
        for path in sorted(self.folder.glob(f"{self.kind}_*.pt")) if self.folder else ():
            try:
                piece = read_tensors(path)
                entries = zip(piece["keys"], piece["rows"], piece["pictures"], strict=True)
                useful = [entry for entry in entries if entry[0] in wanted]
            except (OSError, ValueError, KeyError, TypeError):
                useful = []
            if not useful:
                path.unlink(missing_ok=True)
            yield from useful

    def sweep(self) -> None:
        """Remove what killed processes have left half written; a running one's file is young."""
        for path in self.folder.glob(".*.pt.*.part") if self.folder else ():
            try:
                if time.time() - path.stat().st_mtime > ABANDONED:
                    path.unlink()
            except FileNotFoundError:  # its process has just finished it, or another one swept
                continue


def _read_with_cache(files: list[Path], images: Tensor, pieces: _Pieces) -> list[dict]:
    """Fill `images` from the cache and from the files; the facts of each file."""
    keys = [_key(file) for file in files]
    places, rows = defaultdict(list), [None] * len(files)
    for place, key in enumerate(keys):
        places[key].append(place)
    for key, row, picture in pieces.read(places):
        for place in places[key]:
            rows[place], images[place] = row, picture  # grey is spread over the channels
    missing = [place for place, row in enumerate(rows) if row is None]
    starts = range(0, len(missing), PIECE)
    for start in progress(starts, f"reading {len(missing):,} files, {PIECE} at a time"):
        piece = missing[start : start + PIECE]
        for place, row in zip(piece, _read_piece(files, images, piece), strict=True):
            rows[place] = row
        good = [place for place in piece if not rows[place]["reason"]]
        kept = _grey_if_grey(images[good])
        pieces.write([keys[place] for place in good], [rows[place] for place in good], kept)
    pieces.sweep()
    return rows


def _read_piece(files: list[Path], images: Tensor, places: list[int]) -> list[dict]:
    """Fill these places of `images`; the facts of each file, or the reason why it is refused."""
    channels, size = images.shape[1:3]

    def read(number: int) -> dict:
        place = places[number]
        try:
            content, picture = read_file(files[place], size, channels)
            row = NO_FACTS | facts_of_content(content)
            images[place] = picture
            return row
        except Unreadable as reason:
            return NO_FACTS | {"reason": str(reason)}
        except Exception as error:  # a header can be broken in more ways than a library knows
            return NO_FACTS | {"reason": f"cannot be read ({type(error).__name__}: {error})"}

    return in_threads(read, len(places), "this piece")


def _key(file: Path) -> str:
    """Changes when the file does."""
    try:
        facts = file.stat()
    except OSError as error:
        return f"{file} {error.errno}"
    return short_digest(READING_RECIPE, file, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


def _grey_if_grey(images: Tensor) -> Tensor:
    grey = all(bool((part == part[:, :1]).all()) for part in images.split(1024))
    return images[:, :1].clone() if grey else images
