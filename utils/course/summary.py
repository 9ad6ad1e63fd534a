"""A run in words: which settings differ beforehand; afterwards what failed, why, where to look."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from utils import ROOT
from utils.audit.command_line import escaped, printable
from utils.course.plan import LAST, read_notebook

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
ERROR = re.compile(r"^[\w.]*(?:Error|Exception|Interrupt)(?::|\s*$)", re.MULTILINE)
LONGEST_MESSAGE = 6  # lines; longer text is a traceback


def changed_parameters(jobs: dict[str, dict]) -> str:
    """One line about parameters whose defaults differ from the committed notebooks; else empty.

    An exercise changes them, and from then on every run uses the changed ones.
    """
    changed = []
    for path in (path for path in _changed_files() if path.stem in jobs and path.exists()):
        try:
            committed = read_notebook(path, _git("show", f"HEAD:./{path.relative_to(ROOT)}"))
        except ValueError:  # new, or unreadable there
            continue
        before = committed.defaults
        for name, value in read_notebook(path).defaults.items():
            if value != (old := before.get(name, "absent")):
                changed.append(f"{path.stem} {name}={value!r} (was {old!r})")
    return f"Not as committed: {', '.join(changed)}" if changed else ""


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
    """What failed, what was not run, what this run has made, and which numbers not to trust.

    Nothing that an older run left.
    """
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
    parts.append(_red_flags(jobs, done) if done else "")
    return "\n\n".join(part for part in parts if part)


def _changed_files() -> list[Path]:
    """Notebooks that differ from the last commit; none where there is no git."""
    listed = _git("diff", "--name-only", "--relative", "HEAD", "--", "dataset", "notebooks")
    return [ROOT / line for line in listed.splitlines() if line.endswith(".ipynb")]


def _git(*arguments: str) -> str:
    try:
        ended = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if ended.returncode else ended.stdout.decode("utf-8", errors="replace")


def _failure(work: Path, name: str) -> str:
    """The error itself; the lines of code around it stand in the files that are kept."""
    stem = name.replace(" ", "_")
    log, notebook = work / f"logs/{stem}.log", work / f"logs/{stem}.ipynb"
    printed = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [f"{name} failed: {_last_error(COLOURS.sub('', printed))}"]
    lines += [f"  with its traceback  {notebook}"] if notebook.exists() else []
    return "\n".join([*lines, f"  all of its output   {log}"])


def _last_error(printed: str) -> str:
    """The message of the last error, or the last line where there is no error."""
    start = max((found.start() for found in ERROR.finditer(printed)), default=0)
    lines = [line for line in printed[start:].split("\n") if line.strip()]
    message = lines if start and len(lines) <= LONGEST_MESSAGE else lines[-1:]
    return printable("\n    ".join(message)) or "no message"


def _records(jobs: dict[str, dict], done: Iterable[str]) -> list[Path]:
    """The folders of the data sets in which these notebooks keep their records."""
    from utils.run import folder_of  # here: torch takes seconds, and only the end needs it

    kept = {(folder_of(dataset), name) for name in done for dataset in jobs[name]["datasets"]}
    found = {folder for folder, name in kept if (ROOT / "assets" / folder / name).exists()}
    return [ROOT / "assets" / folder for folder in sorted(found)]


def _red_flags(jobs: dict[str, dict], done: Iterable[str]) -> str:
    """Which of these chapters raised a red flag; empty where none of them leaves a record."""
    from utils.course.records import Record, flag_summary  # here, as above
    from utils.run import RECORD, folder_of

    seeds = {name: f"seed_{jobs[name]['settings'].get('SEED', 0)}" for name in done}
    folders = [
        ROOT / "assets" / folder_of(dataset) / name / seed
        for name, seed in seeds.items()
        for dataset in jobs[name]["datasets"]
    ]
    records = [Record(folder) for folder in folders if (folder / RECORD).exists()]
    try:
        lines = [flag_summary(records)] if records else []
        lines += [f"{record.name}: {', '.join(record.red)}" for record in records if record.red]
    except ValueError as error:  # a damaged record
        lines = [f"unknown, because {error}"]
    titles = ["Red flags", *[""] * len(lines)]
    return escaped("\n".join(f"{t:18}  {line}" for t, line in zip(titles, lines, strict=False)))
