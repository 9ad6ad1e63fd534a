"""A chapter as a part of a benchmark: executed in a folder of its own, by drawn images."""

import json
import os
import time
from pathlib import Path

from full_profile.drawn_sets import write_brains
from full_profile.run import copy_notebooks
from full_profile.tiny import lowered

from utils import HOME
from utils.course.execute import run_notebook
from utils.course.plan import parameters_of, read_course
from utils.files import scratch_folder

OFFLINE = {"DATASET": "brain_phantom", "WEIGHTS": "random"}  # what the full profile reads is not
SHORTER = {"TRIALS": 8}  # of 30, for the time limit


def run_chapter(name: str, profile: str, dry: bool = False) -> dict:
    """Seconds of the whole chapter, data and kernel included, and where it ran."""
    with scratch_folder() as place:
        parameters = chosen(name, profile, place if dry else None)
        path = copy_notebooks(place)[name]
        os.environ |= {"SECOND_LOOK_ROOT": str(place), "SECOND_LOOK_BATCH": "1"}
        os.environ["PYTHONPATH"] = str(HOME)  # a kernel starts in the folder of its notebook
        started = time.perf_counter()
        run_notebook(path, parameters)
        seconds = time.perf_counter() - started
        (file,) = place.glob(f"assets/*/{name}/seed_*/record.json")
        record = json.loads(file.read_text(encoding="utf-8"))
    found = {"chapter": name, "profile": profile, "seconds": seconds}
    return found | {"hardware": record["hardware"], "parameters": parameters}


def chosen(name: str, profile: str, tiny: Path | None) -> dict:
    """The parameters of a profile, as far as they need no real images; tiny if there is a place."""
    course = read_course()
    values = course[name].defaults | parameters_of(course, profile, {}, [name])[name]
    values |= OFFLINE if profile == "full" else {}
    values |= SHORTER if profile == "full" else {}
    if tiny:
        write_brains(tiny / "drawn", images=40, size=64)
        values = lowered(name, values) | {"DATASET": str(tiny / "drawn")}
    return course[name].overrides(values)
