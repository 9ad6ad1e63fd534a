"""What the course consists of: notebooks, what each needs, which parameters it gets.

A profile is a block of env/profiles.yaml; notebooks/README.md says how to add a chapter.
"""

import ast
import csv
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import yaml

from utils import ALIAS, HOME, ROOT
from utils.course.parameters import (
    data_set_names,
    fit_value,
    refuse_unknown,
    refuse_unknown_parameters,
    with_prepared_datasets,
)
from utils.data.names import is_path, is_table

FIRST, LAST = "prepare_dataset", "results"
# Modules that no result depends on.
NO_RESULT = ("__main__", "course_map", "execute", "parameters", "plan", "publish", "runner")
NO_RESULT += ("summary", "upkeep")
RUNNER = {HOME / "utils/course" / f"{name}.py" for name in NO_RESULT}
RUNNER |= set(HOME.glob("utils/course/site/*.py"))

NEEDED = re.compile(r"^\*Level .*? · needs (.*?)(?: · .*)?\*$", re.MULTILINE)  # on the first screen


@dataclass(frozen=True)
class Notebook:
    """One chapter: where it lies, its code cells, the defaults in its parameters cell."""

    path: Path
    code: list[str]
    defaults: dict
    source: str = ""  # the parameters cell, with its comments
    screen: str = ""  # the first cell: title, level, minutes, needs, the chapters beside it

    @property
    def needs(self) -> list[str]:
        """The chapters that its first screen says it needs."""
        found = NEEDED.search(self.screen)
        return re.findall(r"\[(\w+)\]\(\S+?\.ipynb\)", found[1]) if found else []

    def overrides(self, values: dict) -> dict:
        """The values that the notebook knows and that are not its defaults."""
        known = {name: self._fitted(name, values[name]) for name in self.defaults if name in values}
        return {name: value for name, value in known.items() if value != self.defaults[name]}

    def _fitted(self, name: str, value):
        return fit_value(self.path.stem, name, value, self.defaults[name])


def read_course(root: Path | None = None) -> dict[str, Notebook]:
    """Every notebook of dataset/ and notebooks/ by its name."""
    root = root or ROOT
    paths = [*root.glob("dataset/*.ipynb"), *root.glob("notebooks/*.ipynb")]
    if not paths:
        raise ValueError(f"no notebooks in {root}; install the clone itself: pip install -e .")
    return {path.stem: read_notebook(path) for path in sorted(paths)}


def read_notebook(path: Path, text: str | None = None) -> Notebook:
    """One notebook; from `text` where that is given, such as an earlier version of the file."""
    text = path.read_text(encoding="utf-8") if text is None else text
    try:
        cells = json.loads(text)["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        tagged = [cell for cell in code if "parameters" in cell["metadata"].get("tags", [])]
        source = "\n".join("".join(cell["source"]) for cell in tagged)
        lines = ast.parse(source).body
    except (json.JSONDecodeError, KeyError, SyntaxError) as error:
        raise ValueError(f"{path} is no notebook that can run: {error!r}") from None
    assigned = [line for line in lines if isinstance(line, ast.Assign)]
    defaults = {line.targets[0].id: _value(line, path) for line in assigned}
    screen = "".join("".join(cell["source"]) for cell in cells[:1])
    return Notebook(path, ["".join(cell["source"]) for cell in code], defaults, source, screen)


def needs_of(course: dict[str, Notebook]) -> dict[str, list[str]]:
    """What each notebook needs, in an order that works."""
    needs = {name: _needs(name, course) for name in course}
    for name, before in needs.items():
        refuse_unknown(f"notebook that {name} needs", before, course)
    return {name: needs[name] for name in TopologicalSorter(needs).static_order()}


def parameters_of(
    course: dict[str, Notebook], profile: str, typed: dict, names: Iterable[str] | None = None
) -> dict[str, dict]:
    """What each notebook gets: from the profile, from its own lines there, from what was typed."""
    profiles = yaml.safe_load((ROOT / "env/profiles.yaml").read_text(encoding="utf-8"))
    refuse_unknown("profile", [profile], profiles)
    own = {name: values for name, values in profiles[profile].items() if isinstance(values, dict)}
    common = {name: value for name, value in profiles[profile].items() if name not in own}
    refuse_unknown("notebook in env/profiles.yaml", own, course)
    for name, values in own.items():
        refuse_unknown(f"parameter of {name}", values, course[name].defaults)
    known = {name for notebook in course.values() for name in notebook.defaults}
    refuse_unknown("parameter in env/profiles.yaml", common, known)
    typed = with_prepared_datasets(typed)
    return {
        name: course[name].overrides({**common, **own.get(name, {}), **typed})
        for name in (course if names is None else names)
    }


def make_plan(profile: str, typed: dict, names: list[str]) -> dict[str, dict]:
    """Each notebook that must be up to date, in order: path, needs, parameters, data, and a key.

    The key changes when the code cells, the parameters, a module of utils, the raw data
    or the key of a notebook that is needed have changed; outputs and prose do not count.
    """
    course = read_course()
    refuse_unknown("notebook", names, course)
    needs = needs_of(course)
    wanted = set(names or needs)
    for name in reversed(needs):
        wanted.update(needs[name] if name in wanted else [])
    refuse_unknown_parameters(typed, {name: course[name].defaults for name in needs}, wanted)
    # Named ones first, so that a refused value is reported of a notebook that was typed.
    in_turn = dict.fromkeys([*names, *(name for name in needs if name in wanted)])
    parameters = parameters_of(course, profile, typed, in_turn)
    sources, plan = _sources(), {}
    for name in (name for name in needs if name in wanted):
        given = parameters[name]
        data = _raw_data(given) if name == FIRST or _own_places(given) else []
        keys = [plan[need]["key"] for need in needs[name]]
        settings = course[name].defaults | given
        plan[name] = {
            "path": str(course[name].path),
            "needs": needs[name],
            "parameters": given,
            "settings": settings,
            "datasets": datasets_of(settings),
            "key": _digest([course[name].code, given, sources, data, keys]),
        }
    return plan


def _value(line: ast.Assign, path: Path):
    try:
        return ast.literal_eval(line.value)
    except ValueError:
        written = ast.unparse(line)
        raise ValueError(f"{path.name}: a parameter must be a literal, got {written}") from None


def _needs(name: str, course: dict[str, Notebook]) -> list[str]:
    if name == FIRST:
        return []
    if name == LAST:
        return [other for other in course if other != LAST]
    return course[name].needs or [FIRST]


def _sources() -> str:
    """A digest of every module that a notebook may import."""
    paths = sorted(set(HOME.glob("utils/**/*.py")) - RUNNER)
    return _digest([(str(p.relative_to(HOME)), p.read_text(encoding="utf-8")) for p in paths])


def datasets_of(parameters: dict) -> list[str]:
    """The data sets of a notebook: those that it prepares, or the one that it is about."""
    one = [parameters["DATASET"]] if "DATASET" in parameters else []
    return one + data_set_names(parameters.get("DATASETS", ""))


def _own_places(parameters: dict) -> list[Path]:
    """Folders and tables that the parameters name, beside that of all data sets."""
    own = [name.removeprefix(ALIAS) for name in datasets_of(parameters) if is_path(name)]
    return [Path(place).expanduser() for place in (*own, parameters.get("LARGE_ROOT")) if place]


def _raw_data(parameters: dict) -> list:
    """Name, size and time of every file that the notebook may read."""
    root = parameters.get("DATA_ROOT") or os.environ.get("DATA_ROOT")
    tables = [f"{name}.csv" for name in datasets_of(parameters) if not is_path(name)]
    below = [Path(root, name) for name in ("", *tables)] if root else []
    places = [ROOT / "dataset/raw_dataset", *below, *_own_places(parameters)]
    files = {file for place in places for file in _files(place)}
    stats = ((str(file), file.stat()) for file in files if os.path.isfile(file))
    return sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


def _files(place: Path) -> Iterator[Path]:
    """A folder's files at any depth; a table, and the images that it lists."""
    if place.is_dir() or not is_table(place):
        yield from (place, *place.rglob("*"))
        return
    yield place
    with suppress(OSError, csv.Error):
        with place.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            names = [row.get("path") or "" for row in csv.DictReader(lines)]
        yield from (place.parent / name for name in names)


def _digest(parts) -> str:
    """That of utils.files would load torch, which a listing does not wait for."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
