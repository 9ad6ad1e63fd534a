"""Downloads of data sets, and images that come as arrays in one file."""

import os
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from torch import Tensor

from utils.data.datasets import DATASETS
from utils.data.formats.reading import AS_SHOWN, Reading
from utils.data.listing import Listing, signature
from utils.data.patients.splitting import GatheredImages
from utils.data.source import Source, no_files, present
from utils.data.split import Split, resized
from utils.run import ROOT

RAW = ROOT / "dataset" / "raw_dataset"
LIMIT = 32 * 2**30  # bytes that a file may unpack to


@dataclass(frozen=True)
class ArrayFile:
    """Images as arrays in one MedMNIST file; `path` is None while it is not there."""

    name: str
    path: Path | None

    def signature(self) -> str | None:
        return self.path and signature(self.path)

    def listing(self, labelled: bool = True) -> Listing:
        raise no_files(self.name)

    def fetched(self, size: int) -> Source:
        return self if self.path else ArrayFile(self.name, medmnist_file(self.name, size))

    def places(self, root: Path, size: int) -> list[Path]:
        itself = [root] if root.suffix == ".npz" else []
        files = (f"{self.name}_{size}.npz", f"{self.name}.npz")
        return itself + [folder / file for folder in (root, root / "medmnist") for file in files]

    def advice(self, root: str | Path | None = None) -> str:
        return download_advice(self.name, root, f"{self.name}.npz", automatic=True)

    def read(self, size: int, cache=None, reading: Reading = AS_SHOWN) -> GatheredImages:
        images, labels, parts = array_file(present(self), size, DATASETS[self.name].label_columns)
        split = Split(images, labels, DATASETS[self.name].class_names)
        return GatheredImages(split, parts, split.content_hash(), notes={"patients": "unknown"})


def download_advice(name: str, root: str | Path | None, wanted: str, automatic: bool) -> str:
    """Where a data set was looked for, and what to do next; `wanted` is how it may lie there."""
    home = root or os.environ.get("DATA_ROOT")
    place = f"not in {Path(home).resolve()}" if home else "no root given and DATA_ROOT not set"
    how = f"load({name!r}, download=True), or " if automatic else ""
    return (
        f"{name} not found ({place}). Next: {how}get it from {DATASETS[name].source}; then give "
        f"the folder that holds {wanted} as root or as DATA_ROOT"
    )


def kaggle_files(name: str, address: str) -> Path:
    """Download what Kaggle holds at this address, datasets/... or competitions/...; its folder."""
    try:
        import kagglehub
    except ImportError:
        raise ImportError(
            f"downloading {name} needs kagglehub: pip install kagglehub, "
            f"or get the files yourself from kaggle.com/{address}"
        ) from None
    kind, _, handle = address.partition("/")
    downloads = {
        "datasets": kagglehub.dataset_download,
        "competitions": kagglehub.competition_download,
    }
    return Path(downloads[kind](handle))


def medmnist_file(name: str, size: int, folder: Path = RAW / "medmnist") -> Path:
    """Download the array file whose images are at least as large as `size`; its path."""
    try:
        import medmnist
    except ImportError:
        raise ImportError(
            f"downloading {name} needs medmnist: pip install medmnist, "
            f"or get {name}.npz yourself from medmnist.com"
        ) from None
    edge = min((e for e in (28, 64, 128, 224) if e >= size), default=224)
    kind = getattr(medmnist, medmnist.INFO[name]["python_class"])
    folder.mkdir(parents=True, exist_ok=True)
    kind(split="train", download=True, root=str(folder), size=edge)
    return folder / (f"{name}.npz" if edge == 28 else f"{name}_{edge}.npz")


def array_file(path: Path, size: int, columns: int = 1) -> tuple[Tensor, Tensor, np.ndarray]:
    """Images, labels and parts of a MedMNIST .npz, resized; no code in it is run.

    One label is a class; several are 0 or 1 for each finding.
    """
    try:
        with ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
        if total > LIMIT:
            raise ValueError(f"it unpacks to {total:,} bytes, the limit is {LIMIT:,}")
        with np.load(path, allow_pickle=False) as arrays:
            images = [arrays[f"{part}_images"] for part in ("train", "val", "test")]
            labels = [arrays[f"{part}_labels"] for part in ("train", "val", "test")]
    except (BadZipFile, KeyError, ValueError, EOFError) as error:
        raise ValueError(f"{path} is no MedMNIST file: {error}") from error
    found = {label.shape[1] if label.ndim == 2 else 0 for label in labels}
    if found != {columns}:
        got = " or ".join(map(str, sorted(found)))
        raise ValueError(f"{path} gives {got} labels per image; {columns} needed")
    parts = np.repeat(["train", "validation", "test"], [len(label) for label in labels])
    pixels = torch.from_numpy(np.concatenate(images))
    pixels = pixels[:, None] if pixels.dim() == 3 else pixels.permute(0, 3, 1, 2)
    given = torch.from_numpy(np.concatenate(labels)).long()
    return resized(pixels, size), given[:, 0] if columns == 1 else given, parts
