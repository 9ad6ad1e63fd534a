"""Parameters of a run as they were typed, NAME=value, checked before anything starts."""

import ast
import difflib
import math
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import yaml

from utils.data.names import is_path, resolve_path

NETWORKS = ("BACKBONE", "JUDGE", "SECOND")  # parameters that name one
WEIGHTS = ("random", "imagenet", "pretrained")  # anything else is a file or a folder
FROM_ONE = re.compile(r"(EPOCHS|STEPS|TRIALS|SEEDS|SIZE)$")  # parameters that 0 makes no sense of


def typed_parameters(texts: Iterable[str]) -> dict[str, str]:
    """Values by name; a path means the one seen from here, where it was typed.

    A notebook runs in its own folder, and only after many seconds: it would look elsewhere, late.
    """
    typed = dict(map(_pair, texts))
    if "DATASET" in typed:
        typed["DATASET"] = _found("DATASET", typed["DATASET"])
    if "DATASETS" in typed:
        names = data_set_names(typed["DATASETS"]) or [""]
        hint = " (spaces separate data sets here; quote a path that has some)"
        found = [_found("DATASETS", name, hint if len(names) > 1 else "") for name in names]
        typed["DATASETS"] = shlex.join(found)
    for name in {"DATA_ROOT", "LARGE_ROOT"} & set(typed):
        typed[name] = _existing(name, typed[name], "name the folder of the data sets")
    if typed.get("WEIGHTS", "random") not in WEIGHTS:
        hint = f"give a weight file, its folder, or one of {', '.join(WEIGHTS)}"
        typed["WEIGHTS"] = _existing("WEIGHTS", typed["WEIGHTS"], hint)
    return typed


def data_set_names(text: str) -> list[str]:
    """The data sets in DATASETS: separated by spaces, and quoted where a path has some."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"DATASETS: {error} in {text!r}") from None


def with_prepared_datasets(typed: Mapping) -> Mapping:
    """The data set of the chapters is also the one to prepare, unless DATASETS says otherwise."""
    if "DATASET" not in typed:
        return typed
    return {"DATASETS": shlex.quote(typed["DATASET"]), **typed}


def fit_value(notebook: str, name: str, value, default):
    """The value in the type of the notebook's default; typed text is read as Python or YAML."""
    if isinstance(value, str) and not isinstance(default, str):
        value = _literal(value)
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if isinstance(default, tuple) and isinstance(value, list):
        value = tuple(value)
    if default is not None and type(value) is not type(default):
        wanted = f"{type(default).__name__}, as in {name}={default!r}"
        raise ValueError(f"{notebook} takes {name} as {wanted}; got {value!r}")
    if type(value) in (int, float):
        _check_range(notebook, name, value)
    return value


def check_networks(settings: Mapping[str, Mapping]) -> None:
    """Build each network once, empty, so that an unknown one or an unfit size is refused now."""
    from utils.backbones.classifier import build  # here: torch takes seconds, and few runs need it

    checked = set()
    for notebook, values in settings.items():
        names = {values[name] for name in NETWORKS if name in values and "SIZE" in values}
        for network in {(name, values["SIZE"]) for name in names} - checked:
            try:
                build(network[0], classes=2, size=network[1])
            except ValueError as error:
                raise ValueError(f"{notebook}: {error}") from None
            checked.add(network)


def check_own_images(names: Iterable[str]) -> None:
    """List the images of each path, so that a folder or table that holds none is refused now."""
    for name in dict.fromkeys(names):
        if Path(name).is_absolute():  # as every typed path is
            from utils.data.source import source_of  # here: torch takes seconds

            source_of(name).listing()


def refuse_unknown_parameters(
    typed: Iterable[str], known: Mapping[str, Iterable], running: set[str]
) -> None:
    """Refuse a parameter that no notebook of this run knows; `known` lists them by notebook."""
    heeded = {parameter for name in running for parameter in known[name]}
    heeded |= {"DATASET"} if "DATASETS" in heeded else set()
    for parameter in typed:
        knowing = [name for name in known if parameter in known[name]]
        if parameter not in heeded and knowing:
            raise ValueError(
                f"no notebook of this run knows {parameter}; {', '.join(knowing)} would. "
                f"This run is {', '.join(name for name in known if name in running)}"
            )
    refuse_unknown("parameter", typed, heeded)


def refuse_unknown(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse a name that is not in the list, with the nearest one as a guess."""
    for name in names:
        if name not in known:
            folded = {one.casefold(): one for one in known}
            close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.7)
            hint = f"did you mean {folded[close[0]]}?" if close else ""
            raise ValueError(
                f"unknown {what}: {name!r}; {hint or 'known are ' + ', '.join(sorted(known))}"
            )


def _pair(text: str) -> list[str]:
    if "=" not in text:
        raise ValueError(f"a parameter is written NAME=value, got {text!r}")
    return text.split("=", 1)


def _found(parameter: str, name: str, hint: str = "") -> str:
    """The name of a data set that exists; a path in full."""
    try:
        return str(resolve_path(name)) if is_path(name) else name
    except (ValueError, OSError, RuntimeError) as error:
        raise ValueError(f"{parameter}: {error}{hint}") from None


def _existing(parameter: str, text: str, hint: str) -> str:
    path = Path(os.path.abspath(Path(text).expanduser())) if text else None
    if path and not path.exists():
        raise ValueError(f"{parameter}: {path} does not exist; {hint}")
    return str(path or "")


def _literal(text: str):
    """Typed text as Python (1e-3, None) or as YAML (true, [a, b]), or as it is."""
    with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return ast.literal_eval(text)
    with suppress(yaml.YAMLError):
        return yaml.safe_load(text)
    return text


def _check_range(notebook: str, name: str, value: float) -> None:
    least = 1 if FROM_ONE.search(name) else 0
    if not (math.isfinite(value) and value >= least) or (name == "LEARNING_RATE" and not value):
        bound = "above 0" if name == "LEARNING_RATE" else f"from {least}"
        raise ValueError(f"{notebook} takes {name} {bound}; got {value!r}")
