"""What the workers of one test run make once for all of them."""

import pickle
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

FOLDERS: list[Path] = []  # of this run; a fixture names it


def shared(name: str, make: Callable[[], object]):
    """A copy of what the first worker that needs it makes."""
    place = FOLDERS[-1] / f"{name}.pickle"
    with FileLock(f"{place}.lock"):
        if not place.exists():
            place.write_bytes(pickle.dumps(make()))
    return pickle.loads(place.read_bytes())
