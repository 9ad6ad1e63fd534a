"""Runs the notebooks of the course under Snakemake."""

import json
import logging
import time
from pathlib import Path

from utils.course.execute import visible_gpus
from utils.course.plan import HOME, LAST, widest


def run(work: Path, jobs: dict[str, dict], cores: int, options: list[str]) -> list[str]:
    """Let Snakemake bring `work` up to date with these jobs; returns the names that failed."""
    from snakemake.cli import main as snakemake  # here: it takes a second, and only this needs it

    gpus = len(visible_gpus())
    at_once = min(widest(jobs), cores, gpus or cores)
    plan = {"jobs": jobs, "threads": cores // at_once, "gpus_per_job": min(1, gpus)}
    (work / "plan.json").write_text(json.dumps(plan, indent=1), encoding="utf-8")
    targets = [f"notebooks/{name}.ipynb" for name in jobs]
    targets += ["results.html"] if LAST in jobs else []
    arguments = ["--snakefile", HOME / "env/Snakefile", "--directory", work]
    if not any(option.startswith(("--executor", "-e")) for option in options):
        # A cluster knows its own limits; here they are what this machine has.
        arguments += ["--cores", cores, "--resources", f"gpu={gpus}"]
    # No lock of its own: that would outlive a killed driver; `_run` holds one that does not.
    arguments += ["--nolock", "--rerun-incomplete", "--keep-going", "--quiet", "all"]
    progress = Progress()
    logging.getLogger("snakemake").addHandler(progress)
    try:
        snakemake([str(argument) for argument in [*arguments, *options, "--", *targets]])
    except SystemExit as end:
        if end.code and not progress.failed:
            raise RuntimeError("\n".join(["Snakemake stopped.", *progress.errors])) from None
        return list(dict.fromkeys(progress.failed)) if end.code else []


class Progress(logging.Handler):
    """Turns Snakemake's events into one line per notebook."""

    def __init__(self):
        super().__init__()
        self.total, self.ended, self.started = 0, 0, {}
        self.failed, self.errors = [], []

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(getattr(record, "event", None), "name", None)
        if event == "RUN_INFO":
            self.total = record.stats["total"]
        elif event == "JOB_INFO":
            name = record.wildcards.get("name", "results page")
            self.started[record.jobid] = name, time.monotonic()
            print(f"          {name} ...", flush=True)
        elif event == "JOB_FINISHED":
            self._tell(record.job_id, "done")
        elif event == "JOB_ERROR":
            self.failed.append(self._tell(record.jobid, "FAILED"))
        elif record.levelno >= logging.ERROR:
            self.errors.append(record.getMessage())

    def _tell(self, job: int, what: str) -> str:
        name, since = self.started[job]
        self.ended += 1
        seconds = time.monotonic() - since
        print(f"{self.ended:3} of {self.total:2} {name} {what} in {seconds:.0f} s", flush=True)
        return name
