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

import argparse
import os
import shutil
import sys
import textwrap
import traceback
from pathlib import Path

from filelock import FileLock, Timeout

from utils.course.parameters import refuse_unknown, typed_parameters
from utils.course.plan import HOME, ROOT, make_plan, needs_of, read_course
from utils.course.runner import run
from utils.course.summary import remove_blocked, run_summary


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
    print(f"\n{run_summary(work, jobs, failed, blocked)}")
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


# Python ends with 1 and argparse with 2: a guard would read "warnings" and "alarms" in it.
NOT_DONE = 3


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.print_usage(sys.stderr)
        self.exit(NOT_DONE, f"{self.prog}: {message}\n")


def command_line() -> Parser:
    """One command, with its own arguments and its own help."""
    parser = Parser(prog="python -m utils.course")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_run(commands)
    _add_list(commands)
    _add_audit(commands)
    return parser


def _add_run(commands) -> None:
    add = commands.add_parser(
        "run",
        help="run the course, or some notebooks and their needs",
        epilog="Options of Snakemake follow --, such as: run -- --executor slurm --jobs 20",
    )
    add.add_argument(
        "notebooks",
        nargs="*",
        metavar="notebook",
        help="its name, such as resnet_atk; what it needs runs before it. None: the whole course",
    )
    add.add_argument("--profile", default="quick", help="one of env/profiles.yaml")
    add.add_argument(
        "-p",
        dest="parameters",
        action="append",
        default=[],
        metavar="NAME=value",
        help="a parameter for every notebook that knows it, such as EPOCHS=3 or "
        "DATASET=folder:PATH; may be repeated. `list` shows what there is",
    )
    cores = getattr(os, "process_cpu_count", os.cpu_count)()
    add.add_argument("--cores", type=int, default=cores, help="all of them, unless you say")


def _add_list(commands) -> None:
    add = commands.add_parser("list", help="show the notebooks, their needs and parameters")
    add.add_argument("notebooks", nargs="*", metavar="notebook", help="only these; None: all")
    add.add_argument(
        "--paths", action="store_true", help="only their files, in an order that works"
    )


def _add_audit(commands) -> None:
    add = commands.add_parser(
        "audit",
        help="one report about a folder; exit code by severity",
        epilog="Exit codes: 0 nothing above a note, 1 warnings, 2 alarms, 3 not audited.",
    )
    add.add_argument("name", metavar="folder:PATH", help="or a .csv table, or a data set's name")
    add.add_argument("--root", help="where a data set of the catalogue lies")
    add.add_argument("--out", help="folder of the report; by default in assets/audit")
    add.add_argument("--size", type=int, default=64, help="pixels at which images are compared")


if __name__ == "__main__":
    main()
