"""Every data set by its name or path: read once, split by patient, stored as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from utils.data.formats.reading import AS_SHOWN, Reading
from utils.data.source import ImageFiles, Source, source_of
from utils.files import short_digest
from utils.run import ROOT, folder_of

if TYPE_CHECKING:  # an audit asks only where its cache is
    from utils.data.cache import Store
    from utils.data.split import Splits

VARIABLES = ROOT / "dataset" / "dataset_variables"
FRACTIONS = (0.8, 0.1, 0.1)
SPLIT_RECIPE = 11  # raise it when the same files would give other tensors or notes


def load(
    name: str,
    size: int = 64,
    root: str | Path | None = None,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
    limit: int = 0,
    download: bool = False,
    test_patients: int = 0,
    reading: Reading = AS_SHOWN,
    findings: bool = False,
) -> Splits:
    """A data set as `size` x `size` images, no patient in two splits.

    `name` is one of the catalogue, or the path to a folder of class folders or a .csv table. An
    official test set stays as it is; `fractions` and `seed` decide about the rest. With
    `test_patients`, drawn data are tested on so many patients of a draw of their own, one image
    each, and all classes are equally frequent there; real data stay as they are. Data sets of
    the catalogue are looked for in `root`, else in the folder that the variable DATA_ROOT names.
    `reading` keeps 16 bits, chooses a window of grey levels, or the axis that cuts volumes. Data
    with several findings per image are refused unless `findings` says that they can be taken.
    The result is stored, and files are read again only when they change. `limit` images per
    split; 0 means all.
    """
    from utils.data.datasets import facts_of
    from utils.data.patients.splitting import split_rows

    _check_findings(name, facts_of(name).findings, findings)
    source = source_of(name, root, size, test_patients)
    store = _store(source, size, fractions, seed, reading)
    with store.locked():
        signature = source.signature()
        if not store.complete(signature):
            if download and not signature:  # nothing is there yet
                source = source.fetched(size)
                signature = source.signature()
            gathered = source.read(size, cache_of(source), reading)
            rows, withheld = split_rows(gathered, fractions, seed)
            facts = {"source": gathered.digest, "quarantine": gathered.quarantine}
            facts |= {"withheld": withheld, **gathered.notes}
            store.write(gathered.split, rows, signature, **facts)
        splits = store.open()
    _check_findings(name, splits.train.has_findings, findings)
    return splits.limit(limit, seed)


def _check_findings(name: str, several: bool, welcome: bool) -> None:
    """The one place that keeps several findings per image from code that expects one label."""
    if several and not welcome:
        raise ValueError(
            f"one label per image is needed here, and {name} has several findings; choose another "
            "data set, or load it with findings=True where all that follows can take them"
        )


def manifest(
    name: str,
    size: int = 64,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
    test_patients: int = 0,
    reading: Reading = AS_SHOWN,
) -> dict:
    """What `load` noted beside the tensors: counts per class, quarantine, patients."""
    source = source_of(name, test_patients=test_patients)
    return _store(source, size, fractions, seed, reading).manifest


def cache_of(source: Source) -> Path:
    """The folder with the files of a source that are read already; `load` and `audit` share it."""
    return VARIABLES / "files" / folder_of(str(getattr(source, "path", None) or source.name))


def _store(
    source: Source, size: int, fractions: Sequence[float], seed: int, reading: Reading
) -> Store:
    from utils.data.cache import Store

    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, got {size}")
    if len(fractions) != 3 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(
            "fractions are the shares of train, validation and test, positive and together 1, "
            f"such as {FRACTIONS}; got {tuple(fractions)}"
        )
    if reading.key and not isinstance(source, ImageFiles):
        raise ValueError(
            f"{source.name} has 8 bits and no files that could be read in another way; "
            f"{reading!r} is for files of your own"
        )
    request = {"name": source.name, "size": size, "fractions": list(fractions), "seed": seed}
    if drawn := getattr(source, "test_patients", 0):  # then nothing is left to split
        request = {"name": source.name, "size": size, "test_patients": drawn}
        return Store(VARIABLES / f"{source.name}_{size}_{drawn}", _with_recipe(request))
    if reading.key:
        request["reading"] = asdict(reading)
    folder = f"{folder_of(source.name)}_{size}"
    if (tuple(fractions), seed) != (FRACTIONS, 0):
        folder += f"_{short_digest(list(fractions), seed)}"
    folder += f"_{reading.key}" if reading.key else ""
    return Store(VARIABLES / folder, _with_recipe(request))


def _with_recipe(request: dict) -> dict:
    return {**request, "recipe": SPLIT_RECIPE}
