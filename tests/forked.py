"""A second process that needs no start: a fork of this one, with everything imported."""

import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534  # a user without rights
FORK = multiprocessing.get_context("fork")


def forked(task: Callable, *arguments):
    process = FORK.Process(target=task, args=arguments)
    process.start()
    return process


def kill(process) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def as_another_user(task: Callable, *arguments) -> int:
    """How a fork ends that may write nothing of ours: of root's, one of nobody's."""
    process = forked(_with_fewer_rights, task, *arguments)
    process.join(60)
    return process.exitcode


def _with_fewer_rights(task: Callable, *arguments) -> None:
    if os.getuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    task(*arguments)


@contextmanager
def readable_folder():
    """A folder that others can reach, and in which none but root can write once it is left so."""
    place = Path(tempfile.mkdtemp())
    try:
        yield place
    finally:
        only_for_reading(place, 0o755)
        shutil.rmtree(place)


def only_for_reading(folder: Path, mode: int = 0o555) -> None:
    """All folders of it for reading alone, and its files for everyone."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(mode if path.is_dir() else 0o444)
