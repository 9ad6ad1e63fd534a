"""The file in which a study keeps its trials; a last line that was cut off costs one entry."""

import os
from contextlib import nullcontext
from pathlib import Path

from optuna.storages import JournalStorage
from optuna.storages.journal import (
    JournalFileBackend,
    JournalFileOpenLock,
    JournalFileSymlinkLock,
)

from utils.files import locked, short_digest


def journal_storage(storage: Path | str) -> JournalStorage | str:
    """What Optuna takes for a journal file; a URL stays as it is."""
    if is_url(storage):
        return str(storage)
    path = Path(storage).absolute()  # Optuna's lock is a link, and links are read from its folder
    path.parent.mkdir(parents=True, exist_ok=True)
    lock_class = JournalFileOpenLock if os.name == "nt" else JournalFileSymlinkLock
    lock = lock_class(str(path))
    if path.exists():
        lock.acquire()
        try:
            cut_to_whole_lines(path)
        finally:
            lock.release()
    return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))


def lock_folder(storage: Path | str, study: str) -> Path:
    """Where workers of this machine queue for the next trial: beside the journal.

    For a URL, in the user's own folder, so that no other user can be in the way.
    """
    if is_url(storage):
        return Path.home() / ".cache" / "second-look" / study
    path = Path(storage).absolute()
    return path.with_name(f"{path.name}.{study}")


def opening(storage: Path | str):
    """One worker of this machine at a time: two that open a new database both make its tables,
    and one of them fails. A journal file has a lock of its own."""
    if not is_url(storage):
        return nullcontext()
    return locked(lock_folder(storage, f"opening-{short_digest(storage)}"))


def is_url(storage: Path | str) -> bool:
    return "://" in str(storage)


def cut_to_whole_lines(path: Path) -> None:
    """Remove what follows the last newline: a full disk or a power cut left half an entry."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
