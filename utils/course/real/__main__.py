"""The course on real images: python -m utils.course.real --data-root FOLDER [SET ...]."""

import argparse
import os
from collections.abc import Sequence

from utils.course.real.measure import measure
from utils.course.real.sets import KNOWN, chosen_sets
from utils.course.real.steps import SECONDS


def main(words: Sequence[str] | None = None) -> None:
    """Measure the named sets, or all. Stopped and started again, it goes on where it was."""
    parser = argparse.ArgumentParser(prog="python -m utils.course.real", description=main.__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(KNOWN)}")
    parser.add_argument("--data-root", default=os.environ.get("DATA_ROOT"), help="with the sets")
    parser.add_argument("--only", default="", help="steps, with commas between them; all if empty")
    chosen = parser.parse_args(words)
    only = [step for step in chosen.only.split(",") if step]
    try:
        for name in chosen_sets(chosen.sets, KNOWN):
            print(f"{name}: {measure(name, chosen.data_root, only, _report)}")
    except (ValueError, FileNotFoundError) as error:
        parser.exit(2, f"{error}\n")


def _report(step: str, found: dict) -> None:
    print(f"  {step}: {found[SECONDS]} s of one core", flush=True)


if __name__ == "__main__":
    main()
