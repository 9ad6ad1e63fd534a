"""Every data set by its name: read once, split by patient, stored as tensors."""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import utils.data.phantoms
from utils.data.cache import Store
from utils.data.datasets import DATASETS, MEDMNIST, facts_of, own_files, own_path
from utils.data.download import array_file, download_advice, fetch
from utils.data.image_files import read_images
from utils.data.listing import (
    PARTS,
    Listing,
    class_folders,
    labelled_folders,
    signature,
    table_files,
    unlabelled_files,
)
from utils.data.patient_split import GatheredImages, split_dataset
from utils.data.phantoms import PHANTOMS, draw
from utils.data.prepare import read_listing, with_recipe
from utils.data.split import Split, Splits
from utils.run import ROOT

VARIABLES = ROOT / "dataset" / "dataset_variables"
FRACTIONS = (0.8, 0.1, 0.1)
RECIPE = 5  # raise it when the same files would give other tensors or notes: built anew then


def load(
    name: str,
    size: int = 64,
    root: str | Path | None = None,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
    limit: int = 0,
    download: bool = False,
) -> Splits:
    """A data set as `size` x `size` images, no patient in two splits.

    An official test set stays what it is; `fractions` and `seed` decide about the rest. Files
    are looked for in `root`, else in the folder that the variable DATA_ROOT names; what they
    gave is stored, and read again only when they change. `limit` images per split; 0 means all.
    """
    store = _store(name, size, fractions, seed)
    source = _source(name, size, root)
    with store.locked():
        stamp = _stamp(name, source)
        if not store.complete(stamp):
            raw = VARIABLES.parent / "raw_dataset" / "medmnist"
            source = source or (fetch(name, size, raw) if download else None)
            if source is None and name not in PHANTOMS:
                raise FileNotFoundError(download_advice(name, root))
            gathered = _gathered(name, size, source)
            splits, withheld = split_dataset(gathered, fractions, seed)
            store.write(
                splits,
                stamp or _stamp(name, source),
                source=gathered.digest,
                quarantine=gathered.quarantine,
                withheld=withheld,
                **gathered.notes,
            )
        return store.open().limit(limit, seed)


def manifest(
    name: str, size: int = 64, fractions: Sequence[float] = FRACTIONS, seed: int = 0
) -> dict:
    """What `load` wrote down beside the tensors: counts, quarantine, checksums."""
    return _store(name, size, fractions, seed).manifest


def files_of(name: str, split: Split, root: str | Path | None = None) -> list[str]:
    """The file that each image was read from, found by its pixels; "" where there is none."""
    source = _source(name, split.size, root)
    if source is None or name in MEDMNIST:
        return [""] * len(split)
    files = _listed(name, source).files
    reading = read_images(files, split.size, facts_of(name).channels)
    pairs = zip(reading.images, reading.positions, strict=True)
    found = {image.numpy().tobytes(): str(files[i]) for image, i in pairs}
    return [found.get(image.numpy().tobytes(), "") for image in split.images]


def listing_of(name: str, root: str | Path | None = None) -> Listing:
    """The files of a data set with what is said of them; none of them is opened."""
    facts_of(name)
    if name in PHANTOMS or name in MEDMNIST:
        raise ValueError(f"{name} has no image files of its own; give folder:PATH")
    source = _source(name, 0, root)
    if source is None:
        raise FileNotFoundError(download_advice(name, root))
    try:
        return with_recipe(_listed(name, source), facts_of(name))
    except FileNotFoundError:
        own = name.startswith("folder:") and source.is_dir()
        if own and (found := unlabelled_files(source)).files:
            return found
        raise


def _store(name: str, size: int, fractions: Sequence[float], seed: int) -> Store:
    facts_of(name)
    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, got {size}")
    if len(fractions) != 3 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(
            "fractions are the shares of train, validation and test, positive and together 1, "
            f"such as {FRACTIONS}; got {tuple(fractions)}"
        )
    asked = {"name": name, "size": size, "fractions": list(fractions), "seed": seed}
    folder = name
    if name.startswith("folder:"):
        path = own_path(name).resolve()
        folder = f"folder_{re.sub('[^A-Za-z0-9]+', '_', path.stem)}_{_short_hash(path)}"
    folder += f"_{size}"
    if (tuple(fractions), seed) != (FRACTIONS, 0):
        folder += f"_{_short_hash((list(fractions), seed))}"
    return Store(VARIABLES / folder, {**asked, "recipe": RECIPE})


def _short_hash(value) -> str:
    return hashlib.sha256(str(value).encode()).hexdigest()[:8]


def _source(name: str, size: int, root: str | Path | None) -> Path | None:
    """Where the files lie: a folder, a table or an array file; None if nowhere."""
    if name in PHANTOMS:
        return None
    if name.startswith("folder:"):
        return own_files(name)
    home = root or os.environ.get("DATA_ROOT")
    if not home:
        return None
    found = next((path for path in _candidates(name, size, Path(home)) if path.exists()), None)
    if found is None and root:
        raise FileNotFoundError(download_advice(name, root))
    return found


def _candidates(name: str, size: int, root: Path) -> list[Path]:
    """`root` may hold all data sets, or be this one."""
    if name in MEDMNIST:
        files = (f"{name}_{size}.npz", f"{name}.npz")
        itself = [root] if root.suffix == ".npz" else []
        return itself + [f / file for f in (root, root / "medmnist") for file in files]
    holds_parts = root.is_dir() and any(p.name.lower() in PARTS for p in root.iterdir())
    return [root / name, *([root] if holds_parts else [])]


def _stamp(name: str, source: Path | None) -> str | None:
    """The signature of what a store was made from; the code itself for what is drawn."""
    if name in PHANTOMS:
        code = sorted(Path(utils.data.phantoms.__file__).parent.glob("*.py"))
        return hashlib.sha256(b"".join(path.read_bytes() for path in code)).hexdigest()
    return signature(source) if source else None


def _gathered(name: str, size: int, source: Path | None) -> GatheredImages:
    """Every image of a data set with its label, group and official part."""
    if name in PHANTOMS:
        split = draw(name, size)  # always the same images; the seed decides how they are dealt
        parts, notes = np.full(len(split), ""), {"patients": "given"}
        return GatheredImages(split, parts, split.fingerprint, notes=notes)
    if name in MEDMNIST:
        images, labels, parts = array_file(source, size)
        split = Split(images, labels, DATASETS[name].class_names)
        return GatheredImages(split, parts, split.fingerprint, notes={"patients": "unknown"})
    return read_listing(_listed(name, source), facts_of(name), size)


def _listed(name: str, source: Path) -> Listing:
    if source.suffix == ".csv":
        return table_files(source)
    facts = facts_of(name)
    return labelled_folders(source, facts.class_names) if facts.nested else class_folders(source)
