"""Parts of a benchmark, each in a process with a time limit; a part that fails leaves its reason.

A part is a function without arguments that returns a result for JSON. It runs in a forked child:
what it imported stays imported, and what it holds of a graphics card is free afterwards. The
parent must not have used the card.
"""

import multiprocessing
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

import psutil

LONGEST = 2000  # letters of a reason
EACH = 0.5  # seconds between two looks at the memory of the card
QUERY = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]


@dataclass(frozen=True)
class Part:
    """What is measured, and for how many seconds at most."""

    work: Callable[[], object]
    limit: float


def run_parts(parts: Mapping[str, Part]) -> dict[str, dict]:
    """Of each part: seconds, its result or why there is none, and peak memory."""
    found = {}
    for name, part in parts.items():
        print(f"{name} ...", flush=True)
        found[name] = run_part(part)
        shown = found[name].get("failure", "done").splitlines()[0][:80]
        print(f"    {shown} in {found[name]['seconds']} s", flush=True)
    return found


def run_part(part: Part) -> dict:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(part.work, sender))
    started = time.monotonic()
    process.start()
    sender.close()  # of this process: a child that dies then ends the wait
    with _CardMemory() as card:
        try:
            found = _received(receiver, process, part.limit)
        finally:
            _end(process)
    seconds = round(time.monotonic() - started, 2)
    return {"seconds": seconds, "limit": part.limit, **found, "peak card memory (MiB)": card.peak}


def _received(receiver: Connection, process, limit: float) -> dict:
    if not receiver.poll(limit):
        return {"failure": f"it took more than {limit} s"}
    try:
        return receiver.recv()
    except EOFError:
        process.join(5)
        return {"failure": f"its process ended with exit code {process.exitcode}"}


def _report(work: Callable[[], object], sender: Connection) -> None:
    """In the child: the result or the error, and the memory of it and what it started."""
    try:
        found = {"result": work()}
    except Exception as error:  # any: the other parts go on
        found = {"failure": f"{type(error).__name__}: {error}"[:LONGEST]}
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = max(resource.getrusage(one).ru_maxrss for one in whose)
    sender.send({**found, "peak host memory (MiB)": round(peak / 1024)})


def _end(process) -> None:
    """The child and what it has started, such as the kernel of a notebook."""
    family = []
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
    if process.is_alive():
        process.join(1)
    process.kill()
    for each in family:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.join()


class _CardMemory:
    """The most that was in use on the card, by all processes; None where there is no card."""

    def __init__(self):
        self.peak: int | None = None
        self._over = threading.Event()

    def __enter__(self) -> "_CardMemory":
        self._thread = threading.Thread(target=self._watch, daemon=True)
        if shutil.which(QUERY[0]):
            self._thread.start()
        return self

    def __exit__(self, *error) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(EACH):
            asked = subprocess.run(QUERY, capture_output=True, text=True)
            used = [int(line) for line in asked.stdout.split() if line.isdecimal()]
            self.peak = max([*used, self.peak or 0])
