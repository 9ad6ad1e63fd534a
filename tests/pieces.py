"""A folder read piece by piece: killed at one of them, and read to its end by a new process."""

import inspect
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from folders import HOME
from forked import forked

from utils.data import loading, reader

RESUMED = """
import json, sys
sys.path[:0] = {places!r}
from pathlib import Path
from {module} import {task}
print(json.dumps({task}(Path(sys.argv[1]), Path(sys.argv[2]), 0)))
"""


@contextmanager
def counted_pieces(cache: Path, kill: int) -> Iterator[list[int]]:
    """An entry for each piece that is read inside; the process is killed at one of them."""
    read, pieces = reader._read_piece, []

    def counted(*arguments):
        pieces.append(1)
        if len(pieces) == kill:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "VARIABLES", cache)
        patch.setattr(reader, "PIECE", 5)
        patch.setattr(reader, "_read_piece", counted)
        yield pieces


def killed_and_resumed(task: Callable, folder: Path, cache: Path):
    """What `task(folder, cache, kill)` of a test module returns in a new process, in which sets
    have another order, after it was killed at the fourth piece."""
    killed = forked(task, folder, cache, 4)
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    file = Path(inspect.getfile(task))
    places = [str(HOME / "tests"), str(file.parent)]
    script = RESUMED.format(places=places, module=file.stem, task=task.__name__)
    again = subprocess.run(
        [sys.executable, "-c", script, folder, cache], cwd=HOME, capture_output=True, text=True,
        timeout=120, env={**os.environ, "PYTHONPATH": str(HOME), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    return json.loads(again.stdout)
