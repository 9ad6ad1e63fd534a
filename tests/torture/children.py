"""Forked children: everything is imported once, and each round costs what its work costs."""

import os
import signal
import sys
import time
import traceback
from pathlib import Path

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.truncate"}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
HOSTILE = b"cos\nsystem\n(S'touch CANARY'\ntR."  # a pickle that would leave a file if opened
PATIENCE = 900  # seconds until a child counts as hung: a busy computer is slow


class Child:
    """A process that does `work` and leaves its outcome, or its error, in a file."""

    def __init__(self, work, outcome: Path, before=None, after: float | None = None):
        outcome.unlink(missing_ok=True)
        self.outcome = outcome
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid:
            self.deadline = time.monotonic() + (PATIENCE if after is None else after)
            self.hangs = after is None
            return
        ended = 1
        try:
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            if before:
                before()
            found = work()
            outcome.write_text(str(found), encoding="utf-8")
            ended = 0
        except BaseException as error:  # the parent judges it
            facts = f"{type(error).__name__}\n{error}\n{traceback.format_exc()}"
            outcome.write_text(facts, encoding="utf-8", errors="backslashreplace")
        finally:
            os._exit(ended)

    def wait(self) -> int:
        """Its exit status; killed when its time is over: -9 where that was planned, else 99."""
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > self.deadline:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                return 99 if self.hangs else -signal.SIGKILL
            time.sleep(0.002)

    @property
    def said(self) -> str:
        if not self.outcome.exists():
            return "nothing"
        return self.outcome.read_text(encoding="utf-8", errors="replace")


def do(work, outcome: Path, **options) -> tuple[int, str]:
    """Exit status and outcome of one child."""
    child = Child(work, outcome, **options)
    return child.wait(), child.said


def kill_before_change(number: int, place: Path):
    """Die before the n-th change of the file system below `place`; what was being written is torn
    in half first, as `torch.save` leaves it, whose own writing no hook sees."""
    seen = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal seen
        if not _is_change(event, arguments, str(place)):
            return
        seen += 1
        if seen == number:
            path = os.fspath(arguments[0])
            if event == "os.rename" and path.endswith(".part") and number % 2:
                os.truncate(path, os.stat(path).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def count_changes(place: Path, note: Path):
    """Write the number of changes so far to a file outside `place`."""
    seen = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal seen
        if _is_change(event, arguments, str(place)):
            seen += 1
            note.write_text(str(seen))

    sys.addaudithook(hook)


def _is_change(event: str, arguments: tuple, place: str) -> bool:
    if event == "open":
        path, _, flags = arguments
        changes = isinstance(flags, int) and flags & WRITES
    else:
        path, changes = (arguments[0] if arguments else ""), event in CHANGES
    return bool(changes) and isinstance(path, str | Path) and str(path).startswith(place)
