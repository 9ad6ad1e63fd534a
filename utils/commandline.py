"""What the command line takes, and what its help says."""

import argparse
import os
import sys

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
