"""The arguments of `second-look audit`, what it prints, and its exit code."""

import argparse
import os
import shutil
import sys
import traceback

from utils.data.names import is_path, resolve_path

NOT_DONE = 3  # Python ends with 1 and argparse with 2, which a guard would read as findings
LONGEST = 1000  # letters of a message
SUMMARY = "check a folder of images before anything is trained on it"
EXAMPLES = """examples:
  {prog} "/data/my images"                  a folder; its subfolders are the classes
  {prog} delivery/labels.csv                a table with the columns path and label
  {prog} chest_xray --root /data            a data set of the course by its name

The audit trains nothing, sends nothing and changes nothing in the folder. Typed as `second-look`,
it runs no Python file that lies there; `python -m utils.course` would, if typed inside that folder.
Exit codes: 0 nothing above a note, 1 warnings, 2 alarms, 3 not audited, 130 stopped.
A check that could not be made counts as a warning."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="PATH", help="a folder, a .csv table, or a data set's name")
    parser.add_argument("--root", help="where the data sets of the course lie")
    parser.add_argument("--out", help="folder of the report; by default in assets/audit")
    parser.add_argument("--cache", help="folder of the small copies; by default in this course")
    parser.add_argument("--baseline", metavar="OLD.json", help="an earlier audit: what is new?")
    parser.add_argument("--manifest", metavar="KEYFILE", help="have files changed since the last?")
    parser.add_argument("--size", type=int, default=64, help="pixels at which images are compared")


def audit_and_print(
    name: str,
    root: str | None,
    out: str | None,
    size: int,
    cache: str | None,
    baseline: str | None,
    manifest: str | None = None,
) -> int:
    """Audit, print the summary, and return the exit code; 3 where nothing could be judged."""
    try:
        if is_path(name):
            resolve_path(name)  # a mistyped path is refused before torch is loaded
        print(f"second-look: auditing {name!a}", file=sys.stderr, flush=True)
        from utils.audit.report import audit, default_folder  # here: --help needs none of it

        place = default_folder(name, root) if out is None else out
        found = audit(name, root, size, place, cache, baseline, manifest)
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be text
        print(escaped(found.summary(shutil.get_terminal_size().columns)), flush=True)
        return found.exit_code
    except BrokenPipeError:  # the reader has seen enough; the findings stand
        close_output()
        return found.exit_code
    except (ValueError, OSError, RuntimeError) as error:
        print(f"second-look: not audited: {printable(error)}", file=sys.stderr)
    except Exception:
        traceback.print_exc()
    return NOT_DONE


def printable(message) -> str:
    """A message for a terminal, cut in the middle if a name in it is very long."""
    text = str(message)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
    return escaped(text)


def escaped(text: str) -> str:
    """Text for a terminal: names of files and classes may hold what moves the cursor."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def close_output() -> None:
    """Write to nothing from here on, so that Python's own last flush does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
