"""A second process that needs no start: a fork of this one, with everything imported."""

import multiprocessing
import os
import signal
from collections.abc import Callable

FORK = multiprocessing.get_context("fork")


def forked(task: Callable, *arguments):
    process = FORK.Process(target=task, args=arguments)
    process.start()
    return process


def kill(process) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
