"""What became of a run, in words: what failed and why, then where to look."""

import re
from collections.abc import Iterable
from pathlib import Path

from utils.course.plan import LAST, ROOT

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
ERROR = re.compile(r"^[\w.]*(?:Error|Exception|Interrupt)(?::|\s*$)", re.MULTILINE)
LONGEST = 6  # lines of an error's message; what is longer is no message, but a traceback


def remove_blocked(work: Path, jobs: dict[str, dict], failed: list[str]) -> list[str]:
    """Notebooks that need a failed one; what an earlier run left of them is removed."""
    lost = list(failed)
    for name, job in jobs.items():
        if name not in lost and set(lost) & set(job["needs"]):
            lost.append(name)
            (work / f"notebooks/{name}.ipynb").unlink(missing_ok=True)
    if LAST in lost:
        (work / "results.html").unlink(missing_ok=True)
    return [name for name in lost if name not in failed]


def run_summary(work: Path, jobs: dict[str, dict], failed: list[str], blocked: list[str]) -> str:
    """What failed, what was not run, and what this run has made; nothing that an older one left."""
    parts = [_failure(work, name) for name in failed]
    if blocked:
        parts.append(f"Not run, because they need what failed: {', '.join(blocked)}")
    done = [name for name in jobs if name not in {*failed, *blocked}]
    done = [name for name in done if (work / f"notebooks/{name}.ipynb").exists()]
    places = [("Executed notebooks", work / "notebooks")] if done else []
    records = _records(jobs, done) if done else []
    places += zip(["Figures, records", *[""] * len(records)], records, strict=False)
    if LAST in done and not failed:
        places.append(("Results page", work / "results.html"))
    parts.append("\n".join(f"{title:18}  {place}" for title, place in places))
    return "\n\n".join(part for part in parts if part)


def _failure(work: Path, name: str) -> str:
    """The error itself; the lines of code around it stand in what is kept."""
    stem = name.replace(" ", "_")
    log, notebook = work / f"logs/{stem}.log", work / f"logs/{stem}.ipynb"
    said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [f"{name} failed: {_last_error(COLOURS.sub('', said))}"]
    lines += [f"  with its traceback  {notebook}"] if notebook.exists() else []
    return "\n".join([*lines, f"  all of its output   {log}"])


def _last_error(said: str) -> str:
    """The message of the last error, or the last line where no error was told."""
    start = max((found.start() for found in ERROR.finditer(said)), default=0)
    lines = [line for line in said[start:].split("\n") if line.strip()]
    told = lines if start and len(lines) <= LONGEST else lines[-1:]
    return "\n    ".join(told) or "it said nothing"


def _records(jobs: dict[str, dict], done: Iterable[str]) -> list[Path]:
    """The folders of the data sets in which these notebooks keep theirs."""
    from utils.run import folder_of  # here: torch takes seconds, and only the end needs it

    kept = {(folder_of(dataset), name) for name in done for dataset in jobs[name]["datasets"]}
    found = {folder for folder, name in kept if (ROOT / "assets" / folder / name).exists()}
    return [ROOT / "assets" / folder for folder in sorted(found)]
