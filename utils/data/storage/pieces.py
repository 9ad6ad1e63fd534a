"""What was read from image files, kept in pieces: files of arrays and JSON, which hold no code."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from utils.data.image_files import of_one_width
from utils.files import atomic_write, short_digest

ABANDONED = 3600  # seconds since the last write: a running process writes a piece in a few
DAMAGES = (OSError, EOFError, BadZipFile, ValueError, LookupError, TypeError, RuntimeError)


@dataclass(frozen=True)
class ReadFile:
    """What one file has given: its facts, and its images (n, channels, size, size)."""

    row: dict
    pictures: np.ndarray | None = None


@dataclass(frozen=True)
class Pieces:
    """The cached pieces of one folder, for one size and number of channels."""

    folder: Path | None
    kind: str

    def write(self, keys: list[str], entries: list[ReadFile]) -> None:
        """Refused files are not kept: a right to read, or a missing library, may come later."""
        kept = [(key, e) for key, e in zip(keys, entries, strict=True) if e.pictures is not None]
        if not self.folder or not kept:
            return
        names, entries = zip(*kept, strict=True)
        facts = json.dumps({"keys": names, "rows": [entry.row for entry in entries]}).encode()
        pictures = np.concatenate(of_one_width([entry.pictures for entry in entries]))
        path = self.folder / f"{self.kind}_{short_digest(*names)}.npz"
        with atomic_write(path) as unfinished, unfinished.open("wb") as file:
            np.savez(file, pictures=pictures, facts=np.frombuffer(facts, np.uint8))

    def read(self, wanted) -> Iterator[tuple[str, ReadFile]]:
        """Key and content of every wanted file; useless and damaged pieces are removed."""
        for path in sorted(self.folder.glob(f"{self.kind}_*")) if self.folder else ():
            try:
                useful = [(key, entry) for key, entry in _content(path) if key in wanted]
            except DAMAGES:
                useful = []
            if not useful:
                with suppress(OSError):  # a read-only cache keeps it
                    path.unlink()
            yield from useful

    def sweep(self) -> None:
        """Remove what killed processes have left half written; a running one's file is young."""
        for path in self.folder.glob(".*.npz.*.part") if self.folder else ():
            with suppress(OSError):  # its process has just finished it, or another one swept
                if time.time() - path.stat().st_mtime > ABANDONED:
                    path.unlink()


def _content(path: Path) -> Iterator[tuple[str, ReadFile]]:
    """Key and content of every file in a piece; no code in it is run."""
    with np.load(path, allow_pickle=False) as piece:
        pictures, facts = piece["pictures"], json.loads(piece["facts"].tobytes())
    ends = np.cumsum([row["frames"] for row in facts["rows"]])
    if ends[-1] != len(pictures):
        raise ValueError(f"{path} holds {len(pictures)} images, not {ends[-1]}")
    parts = np.split(pictures, ends[:-1])
    yield from zip(facts["keys"], map(ReadFile, facts["rows"], parts), strict=True)
