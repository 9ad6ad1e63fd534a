"""The real data sets, and the four parts into which each one is divided."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from utils.data.datasets import DATASETS
from utils.data.loading import load
from utils.data.patients.splitting import split_by_group
from utils.data.source import source_of
from utils.data.split import Split, Splits

HELD_OUT = 0.1  # share of the training patients that no training sees: the same population


@dataclass(frozen=True)
class RealSet:
    """One data set, and how large everything is: chosen for an hour on one CPU core."""

    name: str
    modality: str  # it decides which corruptions can occur
    file_size: int  # pixels of the files, where corruptions and hidden pictures act
    size: int  # pixels that the network sees
    enlarged: int = 0  # pixels to which the network itself enlarges them; 0: it does not
    frozen_size: int = 0  # pixels that the frozen network sees; 0: as many
    backbone: str = "efficientnet_lite0"
    weights: str = "imagenet"
    trainings: int = 3
    images: int = 1500  # training images, drawn at random; 0 means all
    epochs: int = 2
    attacked: int = 200  # test images under PGD, as many of each class
    worst: int = 60  # of them under the worst case, and in the smaller experiments
    corrupted: int = 200  # test images under every corruption
    share: float = 0.8  # of the training patients in one delivery with faults
    hides: bool = False  # whether the files are large enough to hide another picture
    note: str = ""

    @property
    def seen(self) -> int:
        """Pixels at the entrance of the backbone."""
        return self.enlarged or self.size


SETS = {
    each.name: each
    for each in (
        RealSet(
            "pneumoniamnist",
            *("xray", 28, 28),
            enlarged=64,
            images=0,
            note="28 pixels; all training images, since a published score stands beside",
        ),
        RealSet("chest_xray", "xray", 224, 64, frozen_size=112, hides=True),
        RealSet(
            *("blood_cells", "photograph", 72, 48),
            epochs=4,
            note="colour; a smear picture is a patient",
        ),
    )
}


SLICES = "alzheimer_mri"  # has steps of its own: see brain_slices
KNOWN = (*SETS, SLICES)
RECORD = "real/results.json"  # in the folder of the set in assets


@dataclass(frozen=True)
class Parts:
    """Images of the size of their files; `small` are those that the network sees.

    `held_out` are training patients that no training sees. The official test set can be another
    population; these patients are the same one.
    """

    files: Splits
    small: Splits
    held_out: Split

    @classmethod
    def of(cls, files: Splits, size: int, images: int = 0, seed: int = 0) -> "Parts":
        train, shares = files.train, (1 - HELD_OUT, HELD_OUT)
        kept, apart = split_by_group(train.labels.numpy(), train.patients, shares, seed)
        files = replace(files, train=train.take(kept).limit(images, seed))
        small = Splits(**{name: part.resized(size) for name, part in files.items()})
        return cls(files, small, train.take(apart).resized(size))


def read_parts(real: RealSet, root: str | Path | None) -> Parts:
    """The images of a set, with its official test set."""
    return Parts.of(load(real.name, real.file_size, root), real.size, real.images)


def names_patients(name: str) -> bool:
    """Whether it is known which images of a set show one patient, from names or from pixels."""
    facts = DATASETS[name]
    return facts.patient_of is not None or facts.lost_patients > 0


def is_there(name: str, root: str | Path | None) -> bool:
    """Whether the files of a set are at hand."""
    try:
        return source_of(name, root).signature() is not None
    except FileNotFoundError:
        return False


def chosen_sets(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """The named sets, or all; an unknown name is an error with the known ones."""
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"unknown {', '.join(unknown)}; choose from {', '.join(known)}")
    return list(names or known)
