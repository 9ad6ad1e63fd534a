"""A folder of images as the checks see it: the facts of its files, and what is computed once."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from utils.audit.patients.groups import PatientGroups
from utils.audit.pixels.measures import measure_files
from utils.data.formats.table import shorten
from utils.data.listing import Listing
from utils.data.loading import cache_of
from utils.data.names import is_table
from utils.data.neighbours import grey_squares, near_pairs, neighbour_distances, pixel_hashes
from utils.data.reader import read_images
from utils.data.source import Source, source_of

if TYPE_CHECKING:  # some checks need tensors, and torch takes seconds
    from torch import Tensor

    from utils.audit.label_predictions import LabelPredictions
    from utils.data.split import Split

TEST_PARTS = ("validation", "test")


@dataclass(frozen=True, eq=False)
class ImageFolder(PatientGroups):
    """The images that could be read, one row of `facts` for each, and the files `refused`.

    `pixels` are uint8 (n, channels, size, size); `class_names` are empty if there are no labels.
    """

    name: str
    facts: pd.DataFrame
    pixels: np.ndarray
    refused: pd.DataFrame
    class_names: tuple[str, ...]
    patients_from: str = ""  # column, catalogue, name or pixels; empty if the files themselves tell

    def __post_init__(self):
        object.__setattr__(self, "pixels", np.asarray(self.pixels))  # of a tensor, too

    def __len__(self) -> int:
        return len(self.facts)

    @cached_property
    def images(self) -> Tensor:
        """The pixels as a tensor."""
        import torch

        return torch.from_numpy(self.pixels)

    def take(self, rows) -> ImageFolder:
        """The folder with these images alone."""
        return replace(
            self, facts=self.facts.iloc[rows].reset_index(drop=True), pixels=self.pixels[rows]
        )

    @property
    def parts(self) -> np.ndarray:
        return self.facts["part"].to_numpy()

    @property
    def files(self) -> np.ndarray:
        return self.facts["file"].to_numpy()

    @property
    def has_test_part(self) -> bool:
        """Whether there are training images, and others to test with."""
        return "train" in self.parts and bool(np.isin(self.parts, TEST_PARTS).any())

    @cached_property
    def split(self) -> Split:
        """All images with their labels, grouped by patient as far as patients are known."""
        import torch

        from utils.data.split import Split

        names = self.class_names or ("unknown",)
        labels, groups = map(torch.from_numpy, (self.labels, self.groups))
        return Split(self.images, labels, names, groups)

    @cached_property
    def labels(self) -> np.ndarray:
        """The number of the class of each image; 0 where it has none."""
        numbers = {name: number for number, name in enumerate(self.class_names)}
        return np.array([numbers.get(label, 0) for label in self.facts["label"]], np.int64)

    @cached_property
    def pixel_groups(self) -> np.ndarray:
        """A number for each image, equal for identical pixels."""
        return np.unique(pixel_hashes(self.pixels), return_inverse=True)[1]

    @cached_property
    def near_duplicates(self) -> np.ndarray:
        """Pairs (n, 2) of images that look the same although their pixels differ a little.

        Within a large cluster each image keeps one partner per part and class on either side, so
        that the number of pairs stays linear.
        """
        _, first = np.unique(self.pixel_groups, return_index=True)  # copies are compared once
        first = np.sort(first)
        pairs = first[near_pairs(grey_squares(self.pixels, first))]
        kinds = self.facts.groupby(["part", "label"]).ngroup().to_numpy()
        kept = []
        for side in (pairs, pairs[:, ::-1]):
            partner, image = side.T
            keys = image * (kinds.max() + 1) + kinds[partner]
            kept.append(np.unique(keys, return_index=True)[1])
        return pairs[np.unique(np.concatenate(kept))]

    @cached_property
    def measures(self) -> pd.DataFrame:
        """Brightness, sharpness and the like of each file at its own size."""
        return measure_files(self.facts, self.pixels)

    @cached_property
    def label_predictions(self) -> LabelPredictions | None:
        """What heads that learned from other patients make of each label."""
        from utils.audit.label_predictions import predict_labels

        return predict_labels(self.split)

    @cached_property
    def base(self) -> str:
        """The folder that holds all files, to which reports name them relatively."""
        parents = {os.path.dirname(file) for file in (*self.files, *self.refused["file"])}
        return os.path.join(os.path.commonpath(parents), "")

    @property
    def relative_files(self) -> np.ndarray:
        return np.array([file.removeprefix(self.base) for file in self.files], dtype=object)

    @cached_property
    def neighbour_distances(self) -> np.ndarray:
        """The distance of each image to its fifth neighbour, in grey levels."""
        _, first = np.unique(self.pixel_groups, return_index=True)  # copies are no neighbours
        return neighbour_distances(grey_squares(self.pixels, first), 5)[self.pixel_groups]


def read_folder(
    name: str,
    root: str | Path | None = None,
    size: int = 64,
    cache: str | Path | None = None,
) -> ImageFolder:
    """Read every image of a folder, a table or a data set of the catalogue.

    Small copies are kept in a folder below `cache`, into which only its owner may look.
    """
    source = source_of(name, root)
    listing = source.listing(labelled=False)
    if not listing.files:
        raise ValueError("; ".join([f"{name} lists no file", *map(": ".join, listing.refused[:3])]))
    class_names = _class_names(listing)
    reading = read_images(listing.files, size, cache=_cache_folder(source, cache))
    refused = pd.DataFrame([*reading.quarantine, *listing.refused], columns=["file", "reason"])
    if not reading.positions:
        first = "; ".join(f"{row.file}: {row.reason}" for row in refused.head(3).itertuples())
        raise ValueError(f"none of {len(listing.files)} files could be read ({first})")
    facts = reading.facts.assign(
        file=[str(file) for file in listing.files], label=listing.labels, part=listing.parts
    )
    if listing.patients:
        facts["patient"] = listing.patients
    facts = facts.iloc[list(reading.positions)].reset_index(drop=True)
    given = listing.patients and ("column" if is_table(Path(source.name)) else "catalogue")
    origin = listing.proposed or given or ""
    return ImageFolder(source.name, facts, reading.pixels, refused, class_names, origin)


def _cache_folder(source: Source, place: str | Path | None) -> Path:
    """The folder with the small copies of this source."""
    usual = cache_of(source)
    return Path(place).expanduser() / usual.name if place else usual


def _class_names(listing: Listing) -> tuple[str, ...]:
    names = tuple(sorted({*listing.labels, *listing.empty} - {""}))
    if len(names) == 1 and "" not in listing.labels:
        raise ValueError(
            f"only one class, {shorten(names[0])!r}; if these are images without classes, "
            f"name the folder that holds them: .../{shorten(names[0])}"
        )
    return names
