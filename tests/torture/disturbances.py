"""Kills, full disks and company: after each, the same work must end as if nothing had been."""

import os
import random
import resource
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from children import Child, count_changes, do, kill_before_change
from workloads import CHECKS, WORKLOADS, pictures

REFUSALS = ("ValueError", "FileNotFoundError", "PermissionError", "IsADirectoryError")
LONGEST = 3000  # letters of a message
MOMENTS = 30  # random ones, with a share of 1


@dataclass
class Campaign:
    """What was tried, how often, and what did not survive."""

    name: str
    seed: int
    rounds: int = 0
    note: str = ""  # which share of all possible rounds was made
    failures: list[str] = field(default_factory=list)

    def judge(self, ok: bool, what: str) -> None:
        self.rounds += 1
        if not ok:
            self.failures.append(what)


def judge_refusal(campaign: Campaign, what: str, status: int, said: str, named: str = "") -> None:
    kind, _, rest = said.partition("\n")
    message = rest.partition("\nTraceback")[0]
    fine = status == 0 or (kind in REFUSALS and len(message) < LONGEST and named in message)
    campaign.judge(fine, f"{what}: status {status}: {said[:200]} ... {said[-500:]}")


@dataclass
class Bench:
    """One workload with a seed, in a folder that each round finds empty."""

    name: str
    place: Path
    seed: int

    def __post_init__(self):
        self.folder, self.outcome = self.place / "folder", self.place / f"outcome_{os.getpid()}"
        self.work = partial(WORKLOADS[self.name], self.folder, self.seed)
        pictures(self.folder)
        self.note = self.place / "changes"
        self.clear()
        began = time.monotonic()
        counted = partial(count_changes, self.folder, self.note)
        status, self.expected = do(self.work, self.outcome, before=counted)
        self.seconds = time.monotonic() - began
        if status:
            raise RuntimeError(f"{self.name} fails undisturbed: {self.expected}")
        self.changes = int(self.note.read_text())

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def ends_well(self) -> str:
        """Empty, or what is wrong after the work was done once more."""
        status, said = do(self.work, self.outcome)
        if status or said != self.expected:
            return f"status {status}: {said[:300]}"
        left = [path.name for path in self.folder.rglob("*.part")]
        return f"left {left}" if left else ""


def killed(bench: Bench, campaign: Campaign, share: float) -> None:
    """Before changes of the file system, every one with a share of 1, and at random moments."""
    rng = random.Random(f"{campaign.seed} {bench.name}")
    numbers, moments = spread(bench.changes, share), max(1, round(share * MOMENTS))
    campaign.note = kills_in_words(len(numbers), bench.changes, moments)
    for number in numbers:
        before = partial(kill_before_change, number, bench.folder)
        _killed_once(bench, campaign, f"before change {number}", {"before": before})
    for _ in range(moments):
        after = rng.uniform(0, bench.seconds)
        _killed_once(bench, campaign, f"after {after:.3f} s", {"after": after})


def spread(changes: int, share: float) -> list[int]:
    """So many of the changes 1 to `changes`, evenly spread; at least two."""
    points = min(changes, max(2, round(share * changes)))
    return [1 + place * changes // points for place in range(points)]


def kills_in_words(points: int, changes: int, moments: int) -> str:
    return f"before {points} of {changes} changes, at {moments} moments"


def _killed_once(bench: Bench, campaign: Campaign, what: str, options: dict) -> None:
    bench.clear()
    status, said = do(bench.work, bench.outcome, **options)
    wrong = "" if status in (0, -signal.SIGKILL) else f"status {status}: {said[:300]}"
    try:
        CHECKS.get(bench.name, lambda folder: None)(bench.folder)
    except Exception as error:
        wrong = wrong or f"in between: {error!r}"
    wrong = wrong or bench.ends_well()
    campaign.judge(not wrong, f"{bench.name} (seed {bench.seed}), killed {what}: {wrong}")


def at_once(bench: Bench, campaign: Campaign, share: float, most: int = 20) -> None:
    """Two processes that want the same, then four."""
    for number in range(max(1, round(share * most))):
        bench.clear()
        several = [
            Child(bench.work, bench.place / f"outcome_{k}") for k in range(2 if number % 2 else 4)
        ]
        ended = [(child.wait(), child.said) for child in several]
        bad = [f"{s}: {said[:300]}" for s, said in ended if (s, said) != (0, bench.expected)]
        campaign.judge(not bad, f"{bench.name}, {len(several)} at once: {bad[:1]}")


def full_disk(bench: Bench, campaign: Campaign, share: float, most: int = 30) -> None:
    """On a disk that is too small, then on one with space: an error that says so, then success."""
    rng = random.Random(f"{campaign.seed} {bench.name} full")
    needed = sum(path.stat().st_size for path in bench.folder.rglob("*") if path.is_file())
    for _ in range(max(1, round(share * most))):
        bench.clear()
        space = rng.randrange(4096, max(8192, needed))
        with _SmallDisk(bench.folder, space) as (before, named):
            status, said = do(bench.work, bench.outcome, before=before)
            wrong = ""
            if status and named and not ("disk is full" in said or "No space left" in said):
                wrong = f"the disk is not named: {said[:300]}"
        wrong = wrong or bench.ends_well()
        campaign.judge(not wrong, f"{bench.name}, {space:,} bytes of disk: {wrong}")


class _SmallDisk:
    """A mounted disk of that size; where mounting is not permitted, a limit for each file."""

    def __init__(self, folder: Path, space: int):
        self.folder, self.space = folder, space

    def __enter__(self):
        size = f"size={max(8, self.space // 1024)}k"
        command = ["mount", "-t", "tmpfs", "-o", size, "none", str(self.folder)]
        self.mounted = not subprocess.run(command, capture_output=True).returncode
        return (None, True) if self.mounted else (self._limit, False)

    def __exit__(self, *_):
        """With space again: what was written stays."""
        if self.mounted:
            subprocess.run(["mount", "-o", "remount,size=64m", str(self.folder)], check=True)
            kept = self.folder.with_name("kept")
            shutil.copytree(self.folder, kept, symlinks=True)
            subprocess.run(["umount", str(self.folder)], check=True)
            self.folder.rmdir()
            kept.rename(self.folder)

    def _limit(self) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.space, resource.RLIM_INFINITY))
