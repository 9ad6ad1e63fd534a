"""Prepared splits on disk: complete or absent, and never anything that could run code."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from utils.data.names import is_path
from utils.data.split import Split, Splits
from utils.data.storage.spool import spooled_rows
from utils.files import atomic_write, locked, private_folder, read_json, read_tensors, write_json


@dataclass(frozen=True)
class Store:
    """One data set prepared in one way, in a folder of its own.

    manifest.json is written last and removed first: while it exists, the tensors are whole and
    belong together. `request` is all that decides about them besides the source itself.
    """

    folder: Path
    request: dict

    def locked(self):
        """One process at a time: if two need the same data, one prepares it and the other waits."""
        if is_path(self.request["name"]):  # patients' pictures
            private_folder(self.folder)
        return locked(self.folder, ".lock")

    @property
    def manifest(self) -> dict:
        path = self.folder / "manifest.json"
        if not path.exists():
            raise FileNotFoundError(f"{self.folder} is not prepared yet; call load(...) first")
        return read_json(path, "delete it, and the data are prepared anew")

    def complete(self, signature: str | None) -> bool:
        """Whether it may be opened: same request, same source, no file cut short.

        Without a source (`signature` None) the store alone is enough.
        """
        try:
            found = self.manifest
            return (
                found["request"] == self.request
                and signature in (None, found["signature"])
                and all(_bytes(self.folder / f) == size for f, size in found["files"].items())
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):  # damaged
            return False

    def open(self) -> Splits:
        """The tensors stay on disk until they are used, so they may exceed the memory."""
        return Splits(**{part: self._open(part) for part in ("train", "validation", "test")})

    def _open(self, part: str) -> Split:
        path = self.folder / f"{part}_set.pt"
        try:
            return Split(**read_tensors(path, mmap=True))
        except (TypeError, AttributeError) as error:
            raise ValueError(f"{path} holds no split ({error}); delete {self.folder}") from error

    def write(
        self, whole: Split, rows: dict[str, np.ndarray], signature: str | None, **facts
    ) -> None:
        """The rows of each part, one part after the other; no copy of the images is in memory."""
        (self.folder / "manifest.json").unlink(missing_ok=True)
        files, counts = {}, {}
        for part, chosen in rows.items():
            split = taken_on_disk(whole, chosen, self.folder)
            path = self.folder / f"{part}_set.pt"
            with atomic_write(path) as unfinished:
                torch.save(vars(split), unfinished)
            files[path.name] = _bytes(path)
            counts[part] = dict(zip(split.class_names, split.counts.tolist(), strict=True))
        manifest = {"request": self.request, "signature": signature, "counts": counts, **facts}
        write_json(self.folder / "manifest.json", {**manifest, "files": files})


def taken_on_disk(split: Split, rows: np.ndarray, folder: Path) -> Split:
    """The chosen images, with all that belongs to them; their pixels are mapped from `folder`."""
    pixels = spooled_rows(split.images.numpy(), rows, folder)
    rest = replace(split, images=split.images[:, :0]).take(rows)
    return replace(rest, images=torch.from_numpy(pixels))


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1
