"""Images that need not fit the memory: they go to a file without a name and are mapped from it."""

import errno
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

BLOCK = 256  # rows that are copied at a time


@dataclass(frozen=True)
class Place:
    """Where the images (n, channels, height, width) of one file lie."""

    start: int
    shape: tuple[int, ...]


class Spool:
    """Images in the order in which they come.

    The file lies in `folder` and vanishes with its last user, be it killed: it has no name. Without
    a folder in which it may write, the memory takes its place.
    """

    def __init__(self, folder: Path | None, kind: np.dtype):
        on_disk = folder is not None and os.access(folder, os.W_OK)
        self.folder, self.kind, self.end = folder, np.dtype(kind), 0
        self._file = partial(TemporaryFile, dir=folder)() if on_disk else BytesIO()

    def put(self, images: np.ndarray) -> Place:
        place = Place(self.end, images.shape)
        try:
            self._file.write(np.ascontiguousarray(images).data)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            reason = f"the disk is full: no room for images in {self.folder}; make space"
            raise OSError(errno.ENOSPC, reason) from error
        self.end += images.nbytes
        return place

    def mapped(self, shape: tuple[int, ...]) -> np.ndarray:
        """All images as one array of this shape; nothing may be put in afterwards."""
        if not self.end:  # nothing that could be mapped
            return np.empty(shape, self.kind)
        if isinstance(self._file, BytesIO):
            content = self._file.getbuffer()
            return np.frombuffer(content, self.kind, math.prod(shape)).reshape(shape)
        self._file.flush()
        # Shared with the file and not a private copy: the system can take its memory back.
        return np.asarray(np.memmap(self._file, self.kind, "r+", shape=shape))

    def in_order(self, places: Sequence[Place], shape: tuple[int, ...]) -> np.ndarray:
        """The images of these places, grey spread over three channels if some have colour.

        `shape` (0, channels, height, width) has the fewest channels that they get.
        """
        channels = max([shape[1], *(place.shape[1] for place in places)])
        whole = (sum(place.shape[0] for place in places), channels, *shape[2:])
        ends = np.cumsum([0, *(self._bytes(place) for place in places)])
        as_they_came = ends[:-1].tolist() == [place.start for place in places]
        if as_they_came and all(place.shape[1] == channels for place in places):
            return self.mapped(whole)
        return spooled(map(self._images, places), whole, self.kind, self.folder)

    def _bytes(self, place: Place) -> int:
        return math.prod(place.shape) * self.kind.itemsize

    def _images(self, place: Place) -> np.ndarray:
        self._file.seek(place.start)
        content = self._file.read(self._bytes(place))
        return np.frombuffer(content, self.kind).reshape(place.shape)


def spooled(
    parts: Iterable[np.ndarray], shape: tuple[int, ...], kind: np.dtype, folder: Path | None
) -> np.ndarray:
    """Parts, one after the other, as one array of this shape; each is widened to its channels."""
    spool = Spool(folder, kind)
    for part in parts:
        spool.put(np.broadcast_to(part, (len(part), *shape[1:])))
    return spool.mapped(shape)


def spooled_rows(images: np.ndarray, rows: np.ndarray, folder: Path | None) -> np.ndarray:
    """These rows of an array, block by block: `images[rows]` would be a copy in memory."""
    blocks = (images[rows[start : start + BLOCK]] for start in range(0, len(rows), BLOCK))
    return spooled(blocks, (len(rows), *images.shape[1:]), images.dtype, folder)
