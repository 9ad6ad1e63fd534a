"""What the course consists of: notebooks, what each needs, which parameters it gets."""

import ast
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import yaml

from utils.course.parameters import (
    refuse_unknown,
    refuse_unknown_parameters,
    with_prepared_datasets,
)

HOME = Path(__file__).resolve().parents[2]
ROOT = Path(os.environ.get("SECOND_LOOK_ROOT", HOME))  # the tests put a toy course there
FIRST, LAST = "prepare_dataset", "results"
# Modules that no result depends on.
RUNNER = {
    ROOT / "utils/course" / f"{name}.py"
    for name in ("__main__", "execute", "parameters", "plan", "runner", "summary")
}

# What the names do not tell. They tell: X_atk needs X, the last one all, any other the first.
NEEDS: dict[str, tuple[str, ...]] = {
    "ensemble": ("resnet", "efficientnet", "dinov2", "rnn"),
    "reading_kit": ("resnet_atk",),
    "scaling_defence": ("scaling_attack",),
    "advanced_attacks": ("rnn_atk", "resnet_atk", "efficientnet"),
}


@dataclass(frozen=True)
class Notebook:
    """One chapter: where it lies, its code cells, the defaults in its parameters cell."""

    path: Path
    code: list[str]
    defaults: dict
    written: str = ""  # the parameters cell, with what stands beside them

    def given(self, values: dict) -> dict:
        """Of these values, those that the notebook knows and that are not its defaults."""
        known = {name: self._fitted(name, values[name]) for name in self.defaults if name in values}
        return {name: value for name, value in known.items() if value != self.defaults[name]}

    def _fitted(self, name: str, value):
        """The value as the type of the default: text from the command line is read as Python."""
        default = self.defaults[name]
        if isinstance(value, str) and not isinstance(default, str):
            value = _literal(value)
        if isinstance(default, float) and type(value) is int:
            value = float(value)
        if isinstance(default, tuple) and isinstance(value, list):
            value = tuple(value)
        if default is not None and type(value) is not type(default):
            wanted = f"{type(default).__name__}, as in {name}={default!r}"
            raise ValueError(f"{self.path.stem} takes {name} as {wanted}; got {value!r}")
        return value


def read_course() -> dict[str, Notebook]:
    """Every notebook of dataset/ and notebooks/ by its name."""
    paths = [*ROOT.glob("dataset/*.ipynb"), *ROOT.glob("notebooks/*.ipynb")]
    return {path.stem: _read(path) for path in sorted(paths)}


def needs_of(course: dict[str, Notebook]) -> dict[str, list[str]]:
    """What each notebook needs, in an order that works."""
    needs = {name: _needs(name, course) for name in course}
    for name, before in needs.items():
        refuse_unknown(f"notebook that {name} needs", before, course)
    return {name: needs[name] for name in TopologicalSorter(needs).static_order()}


def parameters_of(course: dict[str, Notebook], profile: str, typed: dict) -> dict[str, dict]:
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
        name: notebook.given({**common, **own.get(name, {}), **typed})
        for name, notebook in course.items()
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
    parameters = parameters_of(course, profile, typed)
    sources, plan = _sources(), {}
    for name, before in needs.items():
        data = _raw_data(parameters[name]) if name == FIRST or _foreign(parameters[name]) else []
        keys = [plan[need]["key"] for need in before]
        plan[name] = {
            "path": str(course[name].path),
            "needs": before,
            "parameters": parameters[name],
            "datasets": _datasets(course[name].defaults | parameters[name]),
            "key": _digest([course[name].code, parameters[name], sources, data, keys]),
        }
    return {name: job for name, job in plan.items() if name in wanted}


def widest(plan: dict[str, dict]) -> int:
    """How many notebooks of the plan can run at once."""
    level = {}
    for name, job in plan.items():
        level[name] = 1 + max((level[need] for need in job["needs"]), default=0)
    levels = list(level.values())
    return max((levels.count(one) for one in levels), default=1)


def _read(path: Path) -> Notebook:
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        tagged = [cell for cell in code if "parameters" in cell["metadata"].get("tags", [])]
        written = "\n".join("".join(cell["source"]) for cell in tagged)
        lines = ast.parse(written).body
    except (json.JSONDecodeError, KeyError, SyntaxError) as error:
        raise ValueError(f"{path} is no notebook that can run: {error!r}") from None
    assigned = [line for line in lines if isinstance(line, ast.Assign)]
    defaults = {line.targets[0].id: _value(line, path) for line in assigned}
    return Notebook(path, ["".join(cell["source"]) for cell in code], defaults, written)


def _value(line: ast.Assign, path: Path):
    try:
        return ast.literal_eval(line.value)
    except ValueError:
        written = ast.unparse(line)
        raise ValueError(f"{path.name}: a parameter must be a literal, got {written}") from None


def _literal(text: str):
    """What was typed, as Python (1e-3, None) or as YAML (true, [a, b]), or as it is."""
    with suppress(ValueError, SyntaxError):
        return ast.literal_eval(text)
    with suppress(yaml.YAMLError):
        return yaml.safe_load(text)
    return text


def _needs(name: str, course: dict[str, Notebook]) -> list[str]:
    if name == FIRST:
        return []
    if name == LAST:
        return [other for other in course if other != LAST]
    twin = name.removesuffix("_atk")
    if name in NEEDS:
        return list(NEEDS[name])
    return [twin if twin != name and twin in course else FIRST]


def _sources() -> str:
    """A digest of every module that a notebook may import."""
    paths = sorted(set(ROOT.glob("utils/**/*.py")) - RUNNER)
    return _digest([(str(p.relative_to(ROOT)), p.read_text(encoding="utf-8")) for p in paths])


def _datasets(parameters: dict) -> list[str]:
    """The data sets of a notebook: those that it prepares, or the one that it is about."""
    one = [parameters["DATASET"]] if "DATASET" in parameters else []
    return one + parameters.get("DATASETS", "").split()


def _foreign(parameters: dict) -> list[Path]:
    """Folders and tables that the parameters name, beside that of all data sets."""
    names = _datasets(parameters)
    own = [name.removeprefix("folder:") for name in names if name.startswith("folder:")]
    return [Path(place) for place in (*own, parameters.get("LARGE_ROOT")) if place]


def _raw_data(parameters: dict) -> list:
    """Name, size and time of every file that the notebook may read."""
    root = parameters.get("DATA_ROOT") or os.environ.get("DATA_ROOT")
    places = [ROOT / "dataset/raw_dataset", *([Path(root)] if root else []), *_foreign(parameters)]
    files = {path for place in places for path in (place, *place.rglob("*.*")) if path.is_file()}
    return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)


def _digest(parts) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
