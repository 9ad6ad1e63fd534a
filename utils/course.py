r"""Runs the notebooks of the course without a screen: papermill executes, Snakemake orders.

    python -m utils.course run                          the whole course, quick settings
    python -m utils.course run resnet_atk               one notebook and what it needs
    python -m utils.course run --profile full -p EPOCHS=40
    python -m utils.course list                         notebooks, their needs and parameters
    python -m utils.course audit folder:/data/mine      look at a folder before anything is trained
    python -m utils.course run -- --executor slurm --jobs 20 --set-threads notebook=8 \
        --set-resources notebook:gpu=1                  after --: options of Snakemake

An audit ends with 0 (nothing above a note), 1 (warnings), 2 (alarms) or 3 (not audited).

The committed notebooks stay as they are: executed ones, logs and the results page go to
assets/course/<profile>/. What is up to date is skipped; what fails stops only what needs it.
"""

import argparse
import json
import logging
import os
import sys
import time
import traceback
from pathlib import Path

from filelock import FileLock, Timeout

from utils.chapters import HOME, LAST, ROOT, make_plan, needs_of, read_course, widest
from utils.execute import visible_gpus
from utils.outcome import outcome, remove_blocked
from utils.parameters import typed_parameters

# Python ends with 1 and argparse with 2: a guard would read "warnings" and "alarms" in it.
NOT_DONE = 3


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
    parser = _parser()
    asked = vars(parser.parse_args(arguments[:cut]))
    if arguments[cut + 1 :] and asked["command"] is not _run:
        parser.error("only run takes options after --")
    try:
        asked.pop("command")(**asked, options=arguments[cut + 1 :])
    except (ValueError, RuntimeError) as error:
        sys.exit(f"course: {error}")


def _run(profile, notebooks, parameters, cores, options) -> None:
    jobs = make_plan(profile, typed_parameters(parameters), [Path(n).stem for n in notebooks])
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


def _list(paths: bool, options: list[str]) -> None:
    course = read_course()
    for name, needs in needs_of(course).items():
        if paths:
            print(course[name].path.relative_to(ROOT))
            continue
        print(f"{name}  (needs {', '.join(needs) or 'nothing'})")
        for parameter, value in course[name].defaults.items():
            print(f"    {parameter} = {value!r}")


def _audit(name, root, out, size, options) -> None:
    code = NOT_DONE
    try:
        from utils.audit import audit  # here: torch takes seconds, and only this needs it

        found = audit(name, root, size, out)
        code = found.exit_code
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be text
        print(*(finding.line for finding in found.findings), "", sep="\n")
        print(f"Report      {found.page}  (contains pictures)")
        print(f"Exit code   {code}", flush=True)
    except BrokenPipeError:  # nobody reads on; what was found stands
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, OSError) as error:
        print(f"course: not audited: {error}", file=sys.stderr)
    except Exception:
        traceback.print_exc()
    sys.exit(code)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.print_usage(sys.stderr)
        self.exit(NOT_DONE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m utils.course")
    commands = parser.add_subparsers(required=True)
    add = commands.add_parser("run", help="run the course, or some notebooks and their needs")
    add.set_defaults(command=_run)
    add.add_argument("notebooks", nargs="*", metavar="notebook")
    add.add_argument("--profile", default="quick", help="one of env/profiles.yaml")
    add.add_argument("-p", dest="parameters", action="append", default=[], metavar="NAME=value")
    cores = getattr(os, "process_cpu_count", os.cpu_count)()
    add.add_argument("--cores", type=int, default=cores, help="all of them, unless you say")
    add = commands.add_parser("list", help="show the notebooks, their needs and parameters")
    add.add_argument(
        "--paths", action="store_true", help="only their files, in an order that works"
    )
    add.set_defaults(command=_list)
    add = commands.add_parser("audit", help="one report about a folder; exit code by severity")
    add.set_defaults(command=_audit)
    add.add_argument("name", metavar="folder:PATH", help="or a .csv table, or a data set's name")
    add.add_argument("--root", help="where a data set of the catalogue lies")
    add.add_argument("--out", help="folder of the report; by default in assets/audit")
    add.add_argument("--size", type=int, default=64, help="pixels at which images are compared")
    return parser


if __name__ == "__main__":
    main()
