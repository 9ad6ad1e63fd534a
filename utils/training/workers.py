"""Which process works on a trial, and whether it still does."""

import os
import socket

import psutil

SAME_START = 2.0  # seconds: the clock from which start times are computed may be set meanwhile


def this_worker() -> str:
    """Machine, process number and start time: a number alone is used again after a restart."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_alive(worker: str) -> bool | None:
    """Does this *other* process of this machine still run? None for one of another machine."""
    host, _, process = worker.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname():
        return None
    started = float(worker.rpartition(":")[2])
    if int(process) == os.getpid() or not psutil.pid_exists(int(process)):
        return False
    try:
        return abs(psutil.Process(int(process)).create_time() - started) < SAME_START
    except psutil.Error:  # it ended between the two questions
        return False
