"""Where the images of a data set come from: image files, drawn images, one array file.

`source_of` decides once what a name stands for. All sources have the same methods:

signature()    changes when the images may have changed; None if they are not there
listing()      the files with their labels; no image is opened
fetched(size)  the source after a download, if one is needed
read(size)     all images; image files alone can be read in another way than they are shown
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from utils import MEDMNIST_NAMES, PHANTOM_NAMES
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

if TYPE_CHECKING:  # an audit of image files needs none of it, and torch takes seconds
    from torch import Tensor

    from utils.data.patients.splitting import GatheredImages


def _folder_class(path: Path, folder: str) -> str:
    return folder


@dataclass(frozen=True)
class Dataset:
    """What is known of a data set before it is opened, and how to read it.

    `kaggle` is its address there, datasets/... or competitions/... `nested` True: the class
    folders lie at several depths, beside images without a label. `official_validation` False:
    too small to be used, so it joins the training images and a new one is drawn from them.
    `lost_patients`: the number of images per patient, if patients have to be recovered from
    pixels; an official test set that ignored them is not kept.
    """

    shows: str
    class_names: tuple[str, ...] | None  # None: the names of the class folders
    channels: int | None = None  # None: colour only if some image has it
    licence: str = "that of your images"
    source: str = "your own files"
    kaggle: str | None = None
    class_of: Callable[[Path, str], str] = _folder_class
    patient_of: Callable[[Path], str] | None = None
    nested: bool = False
    official_validation: bool = True
    lost_patients: int = 0
    findings: bool = False  # several labels per image, or none
    synthetic: Callable[[Tensor], Tensor] | None = None  # which images show no patient

    @property
    def label_columns(self) -> int:
        return len(self.class_names) if self.findings else 1


OWN = Dataset("your own images", None)


class Source(Protocol):
    """What every kind of source offers."""

    name: str

    def signature(self) -> str | None: ...

    def listing(self, labelled: bool = True) -> Listing: ...

    def read(self, size: int, cache=None, reading: Reading = AS_SHOWN) -> GatheredImages: ...

    def fetched(self, size: int) -> Source: ...


def source_of(
    name: str, root: str | Path | None = None, size: int = 0, test_patients: int = 0
) -> Source:
    """The source of a data set. `root` holds all data sets, or is this one; else DATA_ROOT does.

    Of an array file that comes in several sizes, the one of this `size` is taken. Only images
    that are drawn have as many `test_patients` as you like.
    """
    if name in PHANTOM_NAMES:
        from utils.data.phantoms.source import DrawnImages

        return DrawnImages(name, test_patients)
    if is_path(name):
        path = resolve_path(name)
        return ImageFiles(str(path), path, OWN)
    from utils.data.datasets import DATASETS
    from utils.data.download import ArrayFile

    array = name in MEDMNIST_NAMES
    source = ArrayFile(name, None) if array else ImageFiles(name, None, DATASETS[name])
    home = root or os.environ.get("DATA_ROOT")
    candidates = source.places(Path(home), size) if home else []
    path = next((Path(os.path.abspath(path)) for path in candidates if path.exists()), None)
    if path is None and root:
        raise FileNotFoundError(source.advice(root))
    return replace(source, path=path)


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
            return _by_rules(self._listing(labelled), self.dataset)
        except FileNotFoundError:
            own_folder = self.dataset is OWN and not is_table(self.path)
            if not labelled and own_folder and (found := unlabelled_files(self.path)).files:
                return found
            raise

    def _listing(self, labelled: bool) -> Listing:
        path, classes = present(self), self.dataset.class_names
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
        from utils.data.download import kaggle_files

        return replace(self, path=kaggle_files(self.name, self.dataset.kaggle))

    def places(self, root: Path, size: int) -> list[Path]:
        holds_parts = root.is_dir() and any(path.name.lower() in PARTS for path in root.iterdir())
        itself = [root] if holds_parts or is_table(root) else []
        return [root / self.name, root / f"{self.name}.csv", *itself]

    def advice(self, root: str | Path | None = None) -> str:
        from utils.data.download import download_advice

        forms = f"{self.name}/ or the table {self.name}.csv"
        return download_advice(self.name, root, forms, automatic=bool(self.dataset.kaggle))

    def read(self, size: int, cache=None, reading: Reading = AS_SHOWN) -> GatheredImages:
        from utils.data.prepare import read_listing

        return read_listing(self.listing(), self.dataset, size, cache, reading)


def no_files(name: str) -> ValueError:
    return ValueError(f"{name} has no image files of its own; give the path to {WANTED}")


def present(source: Source) -> Path:
    """Where the files of a source are; an error with advice if they are nowhere."""
    if source.path is None:
        raise FileNotFoundError(source.advice())
    return source.path


def _by_rules(listing: Listing, dataset: Dataset) -> Listing:
    """The listing with the classes and patients that the data set's own rules read from it."""
    named = zip(listing.files, listing.labels, strict=True)
    listing = replace(listing, labels=tuple(dataset.class_of(file, label) for file, label in named))
    if dataset.patient_of and listing.patients is None:  # a table may name them itself
        patients = tuple(dataset.patient_of(file) for file in listing.files)
        listing = replace(listing, patients=patients)
    if not dataset.official_validation:
        parts = tuple("train" if part == "validation" else part for part in listing.parts)
        listing = replace(listing, parts=parts)
    return listing
