r"""Runs the notebooks of the course without a screen: papermill executes, Snakemake orders.

    python -m utils.course run                          the whole course, quick settings
    python -m utils.course run resnet_atk               one notebook and what it needs
    python -m utils.course run --profile full -p EPOCHS=40
    python -m utils.course list                         notebooks, their needs and parameters
    python -m utils.course list resnet_atk              those of one notebook
    python -m utils.course audit folder:/data/mine      look at a folder before anything is trained
    python -m utils.course run -- --executor slurm --jobs 20 --set-threads notebook=8 \
        --set-resources notebook:gpu=1                  after --: options of Snakemake

An audit ends with 0 (nothing above a note), 1 (warnings), 2 (alarms) or 3 (not audited).

The committed notebooks stay as they are: executed ones, logs and the results page go to
assets/course/<profile>/. What is up to date is skipped; what fails stops only what needs it.
"""

import json
import logging
import os
import shutil
import sys
import textwrap
import time
import traceback
from pathlib import Path

from filelock import FileLock, Timeout

from utils.chapters import HOME, LAST, ROOT, make_plan, needs_of, read_course, widest
from utils.commandline import NOT_DONE, command_line
from utils.execute import visible_gpus
from utils.outcome import outcome, remove_blocked
from utils.parameters import refuse_unknown, typed_parameters


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


def main(arguments: list[str] | None = None) -> None:
    """The command line; everything after -- is left to Snakemake."""
    arguments = sys.argv[1:] if arguments is None else arguments
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = command_line()
    asked = vars(parser.parse_args(arguments[:cut]))
    command = {"run": _run, "list": _list, "audit": _audit}[asked.pop("command")]
    if arguments[cut + 1 :] and command is not _run:
        parser.error("only run takes options after --")
    try:
        command(**asked, options=arguments[cut + 1 :])
    except (ValueError, RuntimeError) as error:
        sys.exit(f"course: {error}")


def _run(profile, notebooks, parameters, cores, options) -> None:
    jobs = make_plan(profile, typed_parameters(parameters), _names(notebooks))
    work = ROOT / "assets/course" / profile
    for folder in ("notebooks", "logs"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HOME), os.environ.get("PYTHONPATH", "")])
    try:
        with FileLock(work / "driver.lock", timeout=0):
            failed = run(work, jobs, cores, options)
            blocked = remove_blocked(work, jobs, failed)
    except Timeout:
        raise RuntimeError(f"another run is at work in {work}; wait for it or stop it") from None
    print(f"\n{outcome(work, jobs, failed, blocked)}")
    sys.exit(1 if failed else 0)


def _list(notebooks: list[str], paths: bool, options: list[str]) -> None:
    course = read_course()
    wanted = _names(notebooks)
    refuse_unknown("notebook", wanted, course)
    for name, needs in needs_of(course).items():
        if wanted and name not in wanted:
            continue
        if paths:
            print(course[name].path.relative_to(ROOT))
            continue
        print(f"{name}  (needs {', '.join(needs) or 'nothing'})")
        print(textwrap.indent(course[name].written, "    "))


def _names(notebooks: list[str]) -> list[str]:
    """Notebooks may be named by their paths."""
    return [Path(notebook).stem for notebook in notebooks]


def _audit(name, root, out, size, options) -> None:
    code = NOT_DONE
    try:
        from utils.audit import audit  # here: torch takes seconds, and only this needs it

        found = audit(name, root, size, out)
        code = found.exit_code
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be text
        print(found.summary(shutil.get_terminal_size().columns), flush=True)
    except BrokenPipeError:  # nobody reads on; what was found stands
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, OSError) as error:
        print(f"course: not audited: {error}", file=sys.stderr)
    except Exception:
        traceback.print_exc()
    sys.exit(code)


if __name__ == "__main__":
    main()
