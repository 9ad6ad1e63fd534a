"""Runs the notebooks of the course under Snakemake."""

import json
import logging
import signal
import time
from contextlib import contextmanager
from pathlib import Path

from utils import HOME
from utils.course.execute import end_children, visible_gpus
from utils.course.plan import FIRST, LAST


def run(work: Path, jobs: dict[str, dict], cores: int, options: list[str]) -> list[str]:
    """Let Snakemake bring `work` up to date with these jobs; returns the names that failed."""
    from snakemake.cli import main as snakemake  # here: it takes a second, and only this needs it

    progress = Progress()
    logging.getLogger("snakemake").addHandler(progress)
    arguments = [*_arguments(work, jobs, cores, options), "--", *_targets(jobs)]
    try:
        with _interrupts(progress):
            snakemake([str(argument) for argument in arguments])
    except SystemExit as end:
        if progress.interrupted:
            raise KeyboardInterrupt from None
        if end.code and not progress.failed:
            raise RuntimeError("\n".join(["Snakemake stopped.", *progress.errors])) from None
        return list(dict.fromkeys(progress.failed)) if end.code else []


class Progress(logging.Handler):
    """Turns Snakemake's events into one line per notebook."""

    def __init__(self):
        super().__init__()
        self.total, self.ended, self.started = 0, 0, {}
        self.failed, self.errors = [], []
        self.interrupted = False

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(getattr(record, "event", None), "name", None)
        if self.interrupted:  # the jobs that were running end as failed, and are not
            return
        if event == "RUN_INFO":
            self.total = record.stats["total"]
        elif event == "JOB_INFO":
            name = record.wildcards.get("name", "results page")
            self.started[record.jobid] = name, time.monotonic()
            print(f"          {name} ...", flush=True)
        elif event == "JOB_FINISHED":
            self._show(record.job_id, "done")
        elif event == "JOB_ERROR":
            self.failed.append(self._show(record.jobid, "FAILED"))
        elif record.levelno >= logging.ERROR:
            self.errors.append(record.getMessage())

    def _show(self, job: int, state: str) -> str:
        name, since = self.started[job]
        self.ended += 1
        seconds = time.monotonic() - since
        print(f"{self.ended:3} of {self.total:2} {name} {state} in {seconds:.0f} s", flush=True)
        return name


def _arguments(work: Path, jobs: dict[str, dict], cores: int, options: list[str]) -> list:
    """Write plan.json, and say to Snakemake what this machine has."""
    gpus = len(visible_gpus())
    at_once = min(widest(jobs), cores, gpus or cores)
    plan = {"jobs": jobs, "threads": cores // at_once, "gpus_per_job": min(1, gpus)}
    (work / "plan.json").write_text(json.dumps(plan, indent=1), encoding="utf-8")
    arguments = ["--snakefile", HOME / "env/Snakefile", "--directory", work]
    if not any(option.startswith(("--executor", "-e")) for option in options):
        # A cluster knows its own limits; here they are what this machine has.
        arguments += ["--cores", cores, "--resources", f"gpu={gpus}"]
    # No lock of its own: that would outlive a killed driver; the command line holds one.
    arguments += ["--nolock", "--rerun-incomplete", "--keep-going", "--quiet", "all"]
    chains = _chains(jobs)
    return [*arguments, *options, *(["--prioritize", *chains] if chains else [])]


def widest(jobs: dict[str, dict]) -> int:
    """How many notebooks can run at once."""
    level = {}
    for name, job in jobs.items():
        level[name] = 1 + max((level[need] for need in job["needs"]), default=0)
    levels = list(level.values())
    return max((levels.count(one) for one in levels), default=1)


def _chains(jobs: dict[str, dict]) -> list[str]:
    """Notebooks that need another chapter: started first, or one of them would end alone."""
    needing = {name: set(job["needs"]) & set(jobs) - {FIRST} for name, job in jobs.items()}
    return [f"notebooks/{name}.ipynb" for name, need in needing.items() if need and name != LAST]


def _targets(jobs: dict[str, dict]) -> list[str]:
    targets = [f"notebooks/{name}.ipynb" for name in jobs]
    return [*targets, "results.html"] if LAST in jobs else targets


@contextmanager
def _interrupts(progress: Progress):
    """On Ctrl-C end the running jobs too; Snakemake alone would wait until they are done."""

    def interrupt(number, frame):
        progress.interrupted = True
        end_children()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
