"""The driver of the course is killed: no process stays, and the next start goes on."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from disturbances import Campaign, kills_in_words, spread
from toy_course import course, environment_of, write_course

from utils import HOME

MOMENTS = 20  # random ones, with a share of 1
SECONDS = (2, 20)  # after which they lie
PATIENCE = 600  # seconds for a whole run
PRINTED = "printed"  # the file with the words of a driver
HOOKED = """
import runpy, sys
from pathlib import Path
sys.path.insert(0, {here!r})
import children
children.{hook}
sys.argv = ["second-look", "run"]
runpy.run_module("utils.course", run_name="__main__", alter_sys=True)
"""


def runner(place: Path, campaign: Campaign, share: float) -> None:
    """Killed before changes of the file system, and at random moments of a run of a toy course;
    then it runs to its end."""
    rng, moments = random.Random(campaign.seed), max(1, round(share * MOMENTS))
    changes = _changes(place / "counted")
    numbers = spread(changes, share)
    campaign.note = kills_in_words(len(numbers), changes, moments)
    for number in numbers:
        root = place / f"change_{number}"
        before = f"kill_before_change({number}, Path({str(root)!r}))"
        _killed(campaign, root, f"before change {number}", before, PATIENCE)
    for number in range(moments):
        after = rng.uniform(*SECONDS)
        _killed(campaign, place / f"moment_{number}", f"after {after:.1f} s", "", after)


def _changes(root: Path) -> int:
    """How many changes of the file system the driver makes in an undisturbed run."""
    note = root.with_name("changes")
    driver = _start(root, f"count_changes(Path({str(root)!r}), Path({str(note)!r}))")
    if driver.wait(PATIENCE):
        raise RuntimeError(f"the course fails undisturbed: {(root / PRINTED).read_text()[-400:]}")
    return int(note.read_text())


def _killed(campaign: Campaign, root: Path, what: str, hook: str, after: float) -> None:
    """Killed by its hook, or after so many seconds; then once more, to the end."""
    driver = _start(root, hook)
    family, deadline = set(), time.monotonic() + after
    while driver.poll() is None and time.monotonic() < deadline:
        family |= _family(driver.pid)
        time.sleep(0.1)
    driver.send_signal(signal.SIGKILL)
    ended = driver.wait()
    wrong = [] if ended in (0, -signal.SIGKILL) else [f"status {ended}"]
    _, orphans = psutil.wait_procs(family, timeout=60)
    status, printed, _ = course(root)
    wrong += [f"orphans {orphans}"] if orphans else []
    wrong += [f"then status {status}: {printed[-400:]}"] if status else []
    page = (root / "assets/course/quick/results.html").exists()
    wrong += [] if page else ["no results page"]
    campaign.judge(not wrong, f"driver killed {what}: {wrong}")


def _start(root: Path, hook: str) -> subprocess.Popen:
    """The driver of a new toy course, with a hook of `children` or none."""
    root.mkdir(parents=True)
    write_course(root)
    code = HOOKED.format(here=str(Path(__file__).parent), hook=hook or "signal")
    with (root / PRINTED).open("w", encoding="utf-8") as printed:
        return subprocess.Popen(
            [sys.executable, "-c", code], cwd=HOME, env=environment_of(root), stdout=printed,
            stderr=subprocess.STDOUT,
        )  # fmt: skip


def _family(pid: int) -> set[psutil.Process]:
    try:
        return set(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return set()
