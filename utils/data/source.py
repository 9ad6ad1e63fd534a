"""Where the images of a data set come from: drawn, one array file, or image files.

`source_of` decides once what a name stands for. All sources have the same methods:

signature()    changes when the images may have changed; None if they are not there
listing()      the files with their labels; no image is opened
fetched(size)  the source after a download, if one is needed
read(size)     all images; image files alone can be read in another way than they are shown
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

import utils.data.phantoms
from utils.data.datasets import DATASETS, MEDMNIST, OWN, Dataset
from utils.data.download import array_file, download_advice, kaggle_files, medmnist_file
from utils.data.formats.reading import AS_SHOWN, Reading
from utils.data.listing import (
    PARTS,
    Listing,
    class_folders,
    labelled_folders,
    signature,
    table_files,
    unlabelled_files,
)
from utils.data.names import WANTED, is_path, is_table, resolve_path
from utils.data.patients.splitting import GatheredImages
from utils.data.phantoms import PHANTOMS, draw, fewest_patients
from utils.data.prepare import apply_recipe, read_listing
from utils.data.split import Split, concatenate
from utils.files import digest

__all__ = [
    "DrawnImages",
    "ArrayFile",
    "ImageFiles",
    "Source",
    "source_of",
]
SEEDS_APART = {"validation": -1, "test": -2}  # all other draws count up from 0
VALIDATED = 5  # test patients for each validation patient, if both are drawn apart


class Source(Protocol):
    """What every kind of source offers."""

    name: str

    def signature(self) -> str | None: ...

    def listing(self, labelled: bool = True) -> Listing: ...

    def read(self, size: int, cache=None, reading: Reading = AS_SHOWN) -> GatheredImages: ...

    def fetched(self, size: int) -> "Source": ...


def source_of(
    name: str, root: str | Path | None = None, size: int = 0, test_patients: int = 0
) -> Source:
    """The source of a data set. `root` holds all data sets, or is this one; else DATA_ROOT does.

    Of an array file that comes in several sizes, the one of this `size` is taken. Only images
    that are drawn have as many `test_patients` as you like.
    """
    if name in PHANTOMS:
        return DrawnImages(name, test_patients)
    if is_path(name):
        path = resolve_path(name)
        return ImageFiles(str(path), path, OWN)
    source = ArrayFile(name, None) if name in MEDMNIST else ImageFiles(name, None, DATASETS[name])
    home = root or os.environ.get("DATA_ROOT")
    candidates = source.places(Path(home), size) if home else []
    path = next((Path(os.path.abspath(path)) for path in candidates if path.exists()), None)
    if path is None and root:
        raise FileNotFoundError(source.advice(root))
    return replace(source, path=path)


@dataclass(frozen=True)
class DrawnImages:
    """Images that the course draws itself.

    With `test_patients`, the usual patients are for training alone. Validation and test
    patients are others: one image each, equally many of each class.
    """

    name: str
    test_patients: int = 0

    def signature(self) -> str:
        """A digest of the code that draws."""
        code = sorted(Path(utils.data.phantoms.__file__).parent.glob("*.py"))
        return digest(*(path.read_bytes() for path in code))

    def listing(self, labelled: bool = True) -> Listing:
        raise _no_files(self.name)

    def fetched(self, size: int) -> Source:
        return self

    def draw(self, size: int, patients: int = 0, seed: int = 0, views: int = 0) -> Split:
        """Other seeds draw other patients; 0 means the usual numbers. `views` balance classes."""
        return draw(self.name, size, patients or None, seed, views, balanced=views > 0)

    def read(self, size: int, cache=None, reading: Reading = AS_SHOWN) -> GatheredImages:
        """Always the same images; the seed of `load` decides about the split."""
        drawn = self._drawn_apart(size)  # first: it is small, and may be refused
        split = self.draw(size)
        parts = np.repeat(["", *drawn], [len(split), *map(len, drawn.values())])
        for others in drawn.values():
            others = replace(others, groups=others.groups + split.groups.max() + 1)
            split = concatenate(split, others)
        return GatheredImages(split, parts, split.content_hash(), notes={"patients": "given"})

    def _drawn_apart(self, size: int) -> dict[str, Split]:
        """Validation and test images, if they have draws of their own."""
        if not self.test_patients:
            return {}
        fewer = max(self.test_patients // VALIDATED, fewest_patients(self.name))
        patients = {"validation": fewer, "test": self.test_patients}
        each = SEEDS_APART.items()
        return {p: draw(self.name, size, patients[p], s, views=1, balanced=True) for p, s in each}


@dataclass(frozen=True)
class ArrayFile:
    """Images as arrays in one MedMNIST file; `path` is None while it is not there."""

    name: str
    path: Path | None

    def signature(self) -> str | None:
        return self.path and signature(self.path)

    def listing(self, labelled: bool = True) -> Listing:
        raise _no_files(self.name)

    def fetched(self, size: int) -> Source:
        return self if self.path else ArrayFile(self.name, medmnist_file(self.name, size))

    def places(self, root: Path, size: int) -> list[Path]:
        itself = [root] if root.suffix == ".npz" else []
        files = (f"{self.name}_{size}.npz", f"{self.name}.npz")
        return itself + [folder / file for folder in (root, root / "medmnist") for file in files]

    def advice(self, root: str | Path | None = None) -> str:
        return download_advice(self.name, root, f"{self.name}.npz", automatic=True)

    def read(self, size: int, cache=None, reading: Reading = AS_SHOWN) -> GatheredImages:
        images, labels, parts = array_file(_present(self), size, DATASETS[self.name].label_columns)
        split = Split(images, labels, DATASETS[self.name].class_names)
        return GatheredImages(split, parts, split.content_hash(), notes={"patients": "unknown"})


@dataclass(frozen=True)
class ImageFiles:
    """Image files in a folder or listed in a table; `path` is None while they are not there."""

    name: str
    path: Path | None
    dataset: Dataset

    def signature(self) -> str | None:
        return self.path and signature(self.path)

    def listing(self, labelled: bool = True) -> Listing:
        """With `labelled` False, own images without classes are listed, too."""
        try:
            return apply_recipe(self._listing(labelled), self.dataset)
        except FileNotFoundError:
            own_folder = self.dataset is OWN and not is_table(self.path)
            if not labelled and own_folder and (found := unlabelled_files(self.path)).files:
                return found
            raise

    def _listing(self, labelled: bool) -> Listing:
        path, classes = _present(self), self.dataset.class_names
        if is_table(path):
            return table_files(path, labelled)
        return labelled_folders(path, classes) if self.dataset.nested else class_folders(path)

    def fetched(self, size: int) -> Source:
        if self.path:
            return self
        if not self.dataset.kaggle:
            raise FileNotFoundError(
                f"{self.name} cannot be downloaded automatically. {self.advice()}"
            )
        return replace(self, path=kaggle_files(self.name, self.dataset.kaggle))

    def places(self, root: Path, size: int) -> list[Path]:
        holds_parts = root.is_dir() and any(path.name.lower() in PARTS for path in root.iterdir())
        itself = [root] if holds_parts or is_table(root) else []
        return [root / self.name, root / f"{self.name}.csv", *itself]

    def advice(self, root: str | Path | None = None) -> str:
        forms = f"{self.name}/ or the table {self.name}.csv"
        return download_advice(self.name, root, forms, automatic=bool(self.dataset.kaggle))

    def read(self, size: int, cache=None, reading: Reading = AS_SHOWN) -> GatheredImages:
        return read_listing(self.listing(), self.dataset, size, cache, reading)


def _present(source: ArrayFile | ImageFiles) -> Path:
    if source.path is None:
        raise FileNotFoundError(source.advice())
    return source.path


def _no_files(name: str) -> ValueError:
    return ValueError(f"{name} has no image files of its own; give the path to {WANTED}")
