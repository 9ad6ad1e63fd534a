"""The journal: half an entry is removed, and locks lie where they belong."""

import os
from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from optuna.storages import JournalStorage

from utils.files import short_digest
from utils.training.journal import cut_to_whole_lines, journal_storage, lock_folder, opening


@pytest.mark.parametrize(
    "content, whole",
    [(b"", b""), (b"a\nb\n", b"a\nb\n"), (b"a\nb", b"a\n"), (b"a\n\0\0", b"a\n"), (b"ab", b"")],
)
def test_only_half_an_entry_is_removed(tmp_path, content, whole):
    path = tmp_path / "journal"
    path.write_bytes(content)
    cut_to_whole_lines(path)
    assert path.read_bytes() == whole


def test_the_lock_lies_beside_the_journal_and_of_a_url_at_home(tmp_path, monkeypatch):
    assert lock_folder(tmp_path / "study.log", "name").parent == tmp_path
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    assert tmp_path / "home" in lock_folder("sqlite:///study.db", "name").parents


def test_a_relative_path_gets_a_lock_that_points_to_the_journal(tmp_path, monkeypatch):
    """Optuna frees the lock of a dead worker only if it can look at what the link points to."""
    monkeypatch.chdir(tmp_path)
    storage = journal_storage("sub/study.log")
    assert isinstance(storage, JournalStorage)
    lock = storage._backend._lock
    lock.acquire()
    assert (tmp_path / "sub" / "study.log.lock").exists()  # a link that leads nowhere does not
    lock.release()
    assert os.listdir(tmp_path / "sub") == ["study.log"]


def test_a_url_is_left_to_optuna():
    assert journal_storage("sqlite:///study.db") == "sqlite:///study.db"


def test_a_database_is_opened_by_one_worker_of_this_machine_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    with opening("sqlite:///one.db"), opening("sqlite:///other.db"), opening(tmp_path / "journal"):
        folder = lock_folder("sqlite:///one.db", f"opening-{short_digest('sqlite:///one.db')}")
        held = FileLock(folder / "lock", is_singleton=False)
        with pytest.raises(Timeout):
            held.acquire(timeout=0)
