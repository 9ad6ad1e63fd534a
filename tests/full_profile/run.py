"""The full profile from end to end, tiny: real sets drawn anew, a few dozen images each.

    make full-check                     every chapter, one after the other
    make full-check CHAPTERS="resnet"   one chapter and what it needs

The runner executes copies of the notebooks in checkpoints/full_check, with the values of
env/profiles.yaml below the ceilings of tiny.py. What is up to date is skipped, so that a chapter
that failed can be mended and tried again alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from full_profile.drawn_sets import write_sets
from full_profile.tiny import write_profile

from utils import HOME, ROOT
from utils.course.plan import read_course

PLACE = ROOT / "checkpoints" / "full_check"


def copy_notebooks(place: Path) -> dict[str, Path]:
    """Every notebook of the course below `place`, by its name."""
    copies = {}
    for name, notebook in read_course().items():
        copies[name] = place / notebook.path.relative_to(ROOT)
        copies[name].parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(notebook.path, copies[name])
    return copies


def write_course(place: Path) -> Path:
    """A root for the runner: the notebooks as they are, a tiny profile, drawn data."""
    copy_notebooks(place)
    write_profile(place / "env/profiles.yaml", read_course())
    if not (data := place / "data").exists():  # drawn again, all would be new to the runner
        shutil.rmtree(place / "new", ignore_errors=True)
        write_sets(place / "new").rename(data)
    return data


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chapters", nargs="*")
    parser.add_argument("--place", type=Path, default=PLACE)
    parser.add_argument("--cores", default="1", help="chapters at once")
    given = parser.parse_args()
    data = write_course(given.place)
    command = [sys.executable, "-m", "utils.course", "run", "--profile", "full"]
    command += ["-p", f"DATA_ROOT={data}", "--cores", given.cores, *given.chapters]
    there = {"SECOND_LOOK_ROOT": str(given.place)}
    return subprocess.run(command, cwd=HOME, env={**os.environ, **there}).returncode


if __name__ == "__main__":
    sys.exit(main())
