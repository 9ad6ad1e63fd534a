"""The driver of the course is killed: no process stays, and the next start goes on."""

import random
import signal
import time
from pathlib import Path

import psutil
from disturbances import Campaign
from toy_course import course, start, write_course


def runner(place: Path, campaign: Campaign, share: float, most: int = 20) -> None:
    """Killed at random moments of a run of a toy course; then it runs to its end."""
    rng, moments = random.Random(campaign.seed), max(1, round(share * most))
    campaign.note = f"at {moments} moments"
    place.mkdir(parents=True)
    for number in range(moments):
        root = place / str(number)
        root.mkdir()
        write_course(root)
        driver, after = start(root), rng.uniform(2, 20)
        time.sleep(after)
        family = _family(driver.pid)
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
        _, orphans = psutil.wait_procs(family, timeout=60)
        status, printed, _ = course(root)
        wrong = [f"orphans {orphans}"] if orphans else []
        wrong += [f"then status {status}: {printed[-400:]}"] if status else []
        page = (root / "assets/course/quick/results.html").exists()
        wrong += [] if page else ["no results page"]
        campaign.judge(not wrong, f"driver {number}, killed after {after:.1f} s: {wrong}")


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
