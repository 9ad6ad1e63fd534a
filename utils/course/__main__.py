r"""The command line: `second-look run`, `list`, `audit`, `examine` and `compare`.

    second-look run                                 the whole course, quick settings
    second-look run resnet_atk                      one notebook and what it needs
    second-look list resnet_atk                     what it needs, and its parameters
    second-look audit "/data/my images"             check a folder before anything is trained
    second-look examine net.ts --data /data/test    ask a trained model before it is used
    second-look compare before/ after/              two such reports on the same images

`python -m utils.course` is the same command. The committed notebooks stay as they are: executed
ones, logs and the results page go to assets/course/<profile>/. A notebook that is up to date is
skipped; one that fails stops only those that need it.
"""

import argparse
import os
import sys
import textwrap
from pathlib import Path

from filelock import FileLock, Timeout

from utils import HOME, ROOT
from utils.audit import command_line
from utils.course.parameters import (
    NETWORKS,
    check_networks,
    check_own_images,
    refuse_unknown,
    typed_parameters,
)
from utils.course.plan import make_plan, needs_of, read_course
from utils.course.runner import run
from utils.course.summary import changed_parameters, remove_blocked, run_summary
from utils.examine import command_line as examine_line

VERBS = "run|list|audit|examine|compare"
INTERRUPTED = 130  # as a shell says it

RUN_EXAMPLES = """examples:
  {prog}                                    the whole course, quick settings
  {prog} resnet_atk                         one notebook and what it needs
  {prog} --profile full -p EPOCHS=40        real images, on a GPU
  {prog} resnet -p DATASET="my images"      a folder or .csv table of your own
  {prog} -- --executor slurm --jobs 20 --set-threads notebook=8 --set-resources notebook:gpu=1

Options of Snakemake follow --, as in the last example.
Exit codes: 0 done, 1 a notebook failed or a value was refused, 3 mistyped, 130 stopped."""

LIST_EXAMPLES = """examples:
  {prog}                                    all notebooks, what they need, their parameters
  {prog} resnet_atk                         one of them
  {prog} --paths                            files only, in an order that works"""


def main(arguments: list[str] | None = None) -> None:
    """Run one command; everything after -- goes to Snakemake."""
    arguments = sys.argv[1:] if arguments is None else arguments
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = build_parser()
    given = vars(parser.parse_args(arguments[:cut]))
    verbs = {
        "run": _run, "list": _list, "audit": _audit, "examine": _examine, "compare": _compare
    }  # fmt: skip
    command = verbs[given.pop("command")]
    if arguments[cut + 1 :] and command is not _run:
        parser.error("only run takes options after --")
    try:
        command(**given, options=arguments[cut + 1 :])
        sys.stdout.flush()
    except BrokenPipeError:  # as in `list | head`: the reader has seen enough
        command_line.close_output()
    except KeyboardInterrupt:
        print("\nsecond-look: stopped; start again to resume", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except (ValueError, RuntimeError, OSError) as error:
        sys.exit(f"second-look: {command_line.printable(error)}")


def _run(profile, notebooks, parameters, cores, options) -> None:
    typed = typed_parameters(parameters)
    jobs = make_plan(profile, typed, _names(notebooks))
    check_own_images(name for job in jobs.values() for name in job["datasets"])
    if {*NETWORKS, "SIZE"} & set(typed):
        check_networks({name: job["settings"] for name, job in jobs.items()})
    work = ROOT / "assets/course" / profile
    for folder in ("notebooks", "logs"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    places = [str(HOME), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, places))
    if changed := changed_parameters(jobs):
        print(changed, flush=True)
    try:
        with FileLock(work / "driver.lock", timeout=0):
            failed = run(work, jobs, cores, options)
            blocked = remove_blocked(work, jobs, failed)
    except Timeout:
        raise RuntimeError(f"another run is at work in {work}; wait for it or stop it") from None
    print(f"\n{run_summary(work, jobs, failed, blocked)}", flush=True)
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
        print(textwrap.indent(course[name].source, "    "))


def _names(notebooks: list[str]) -> list[str]:
    """Notebooks may be named by their paths."""
    return [Path(notebook).stem for notebook in notebooks]


def _audit(options: list[str], **given) -> None:
    sys.exit(command_line.audit_and_print(**given))


def _examine(options: list[str], **given) -> None:
    sys.exit(examine_line.examine_and_print(**given))


def _compare(options: list[str], **given) -> None:
    sys.exit(examine_line.compare_and_print(**given))


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.print_usage(sys.stderr)
        self.exit(command_line.NOT_DONE, f"{self.prog}: {command_line.printable(message)}\n")


def build_parser() -> Parser:
    """One command with several verbs, each with its own arguments and its own help."""
    by_module = Path(sys.argv[0]).name == "__main__.py"
    parser = Parser(
        prog="python -m utils.course" if by_module else "second-look",
        description="A course and a toolkit: how far can you trust a medical-image classifier?",
        epilog="More, with examples: second-look run --help, and so on.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar=VERBS)
    _add_run(commands)
    _add_list(commands)
    _add_audit(commands)
    _add_examine(commands)
    return parser


def _add(commands, verb: str, summary: str, examples: str) -> argparse.ArgumentParser:
    kind = argparse.RawDescriptionHelpFormatter
    added = commands.add_parser(verb, help=summary, description=summary, formatter_class=kind)
    added.epilog = examples.format(prog=added.prog)
    return added


def _add_run(commands) -> None:
    add = _add(commands, "run", "run the course, or some notebooks and their needs", RUN_EXAMPLES)
    add.add_argument(
        "notebooks",
        nargs="*",
        metavar="notebook",
        help="its name, such as resnet_atk; what it needs runs first. None: the whole course",
    )
    add.add_argument("--profile", default="quick", help="one of env/profiles.yaml")
    add.add_argument(
        "-p",
        dest="parameters",
        action="append",
        default=[],
        metavar="NAME=value",
        help="a parameter for every notebook that knows it, such as EPOCHS=3 or DATASET=PATH; "
        "may be repeated. `list` shows what there is",
    )
    cores = getattr(os, "process_cpu_count", os.cpu_count)()
    add.add_argument("--cores", type=_count, default=cores, help="how many to use; by default all")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is needed, got {text!r}")
    return int(text)


def _add_list(commands) -> None:
    add = _add(commands, "list", "show the notebooks, their needs and parameters", LIST_EXAMPLES)
    add.add_argument("notebooks", nargs="*", metavar="notebook", help="only these; None: all")
    add.add_argument("--paths", action="store_true", help="only their files, in a working order")


def _add_audit(commands) -> None:
    command_line.add_arguments(_add(commands, "audit", command_line.SUMMARY, command_line.EXAMPLES))


def _add_examine(commands) -> None:
    line = examine_line
    line.add_arguments(_add(commands, "examine", line.SUMMARY, line.EXAMPLES))
    line.add_compare_arguments(
        _add(commands, "compare", line.COMPARE_SUMMARY, line.COMPARE_EXAMPLES)
    )


if __name__ == "__main__":
    main()
