"""A worker is the process that began, not one that has its number by now."""

import os
import subprocess
import sys

from utils.training.workers import is_alive, this_worker


def test_another_process_lives_until_it_is_killed():
    script = "from utils.training.workers import this_worker; print(this_worker()); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    worker = process.stdout.readline().strip()
    assert is_alive(worker) is True
    number, started = worker.split(":")[1:]
    assert is_alive(worker.replace(started, "1.0")) is False  # the number is in use again
    assert is_alive(worker.replace(number, "1")) is False
    process.kill()
    process.wait()
    assert is_alive(worker) is False


def test_this_process_has_no_trial_while_it_looks_for_one():
    assert this_worker().split(":")[1] == str(os.getpid())
    assert is_alive(this_worker()) is False


def test_of_another_machine_nothing_is_known():
    assert is_alive("elsewhere:1:1.0") is None and is_alive("") is None
