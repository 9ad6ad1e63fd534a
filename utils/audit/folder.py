"""A stranger's folder as the checks see it: what its files say, and what is reckoned only once."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from utils.data.duplicates import (
    duplicate_pairs,
    merge_duplicates,
    nearest,
    pixel_hashes,
    small_grey,
)
from utils.data.listing import Listing
from utils.data.loading import cache_of
from utils.data.patient_recovery import Links, RecoveredPatients, link_patients, patient_links
from utils.data.reader import read_images
from utils.data.source import source_of
from utils.data.split import Split

MIN_IMAGES = 50  # images: of fewer nobody can say what is usual
CROWD = 0.2  # of all images: whoever has more is no patient, but a chain of strangers
TESTED = ("validation", "test")


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """The images that could be read, one row of `facts` for each, and the files `refused`.

    `images` are uint8 (n, channels, size, size); `class_names` are empty where nothing is said.
    """

    name: str
    facts: pd.DataFrame
    images: Tensor
    refused: pd.DataFrame
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.facts)

    def take(self, rows) -> "ImageFolder":
        """Some of the images, as if only these had been sent."""
        return replace(
            self, facts=self.facts.iloc[rows].reset_index(drop=True), images=self.images[rows]
        )

    @property
    def parts(self) -> np.ndarray:
        return self.facts["part"].to_numpy()

    @property
    def files(self) -> np.ndarray:
        return self.facts["file"].to_numpy()

    @property
    def is_dealt(self) -> bool:
        """Whether there are training images, and others to test with."""
        return "train" in self.parts and bool(np.isin(self.parts, TESTED).any())

    @property
    def has_patients(self) -> bool:
        """Whether it is written somewhere who is who; one name for most images is none."""
        names = self.facts["patient"]
        return bool((names != "").all()) and names.value_counts().iloc[0] <= len(self) / 2

    @cached_property
    def split(self) -> Split:
        """All images with their labels, each in the group of its patient as far as one knows."""
        names = self.class_names or ("unknown",)
        places = {name: place for place, name in enumerate(names)}
        labels = torch.tensor([places.get(label, 0) for label in self.facts["label"]])
        return Split(self.images, labels.long(), names, torch.from_numpy(self.groups))

    @cached_property
    def pictures(self) -> np.ndarray:
        """A number for each image; the same for the same pixels."""
        return np.unique(pixel_hashes(self.images), return_inverse=True)[1]

    @cached_property
    def near_duplicates(self) -> np.ndarray:
        """Pairs (n, 2) of images that look the same, though their pixels differ a little.

        Of a crowd of like images each stands beside the first and before the last of every part
        and class, which tells who has a twin where, without a square of pairs.
        """
        _, first = np.unique(self.pictures, return_index=True)  # a copy is compared only once
        first = np.sort(first)
        pairs = first[duplicate_pairs(self.images[first]).numpy()]
        kinds = self.facts.groupby(["part", "label"]).ngroup().to_numpy()
        sides = (pairs, pairs[:, ::-1])
        told = (one * (kinds.max() + 1) + kinds[other] for other, one in (s.T for s in sides))
        kept = [np.unique(keys, return_index=True)[1] for keys in told]
        return pairs[np.unique(np.concatenate(kept))]

    @cached_property
    def links(self) -> Links:
        return patient_links(self.images)

    @cached_property
    def recovered(self) -> RecoveredPatients:
        return link_patients(self.links)

    @cached_property
    def groups(self) -> np.ndarray:
        """Patients by name, else as found by their pixels, else copies of a picture."""
        if self.has_patients:
            known = torch.from_numpy(pd.factorize(self.facts["patient"])[0])
            return merge_duplicates(self.images, known).numpy()
        return self.recovered.groups.numpy() if self.has_patient_signal else self.pictures

    @property
    def patient_names(self) -> np.ndarray:
        """What the patient of each image is called; empty where nobody can be told apart."""
        if self.has_patients:
            return self.facts["patient"].to_numpy()
        numbers = self.recovered.groups.tolist() if self.has_patient_signal else []
        return np.array([f"group {number}" for number in numbers], dtype=object)

    @cached_property
    def has_patient_signal(self) -> bool:
        """Whether the pixels say who is who, and do not tie everybody together in one chain."""
        return len(self) >= MIN_IMAGES and self.recovered.sizes.max() <= max(2, CROWD * len(self))

    @property
    def group_description(self) -> str:
        """Whom the groups stand for, in words: no report may claim more."""
        if self.has_patients:
            return "patients"
        return (
            "patients as found by their pixels"
            if self.has_patient_signal
            else ("different pictures (whose they are is not known, and cannot be told)")
        )

    @cached_property
    def remoteness(self) -> np.ndarray:
        """How far the fifth neighbour of each image is, in grey levels."""
        _, first = np.unique(self.pictures, return_index=True)  # copies are no neighbours
        different = small_grey(self.images[first])
        return nearest(different, different, 6)[0][:, -1].numpy()[self.pictures]


def read_folder(name: str, root: str | Path | None = None, size: int = 64) -> ImageFolder:
    """Read every image of a folder, a table or a data set of the catalogue."""
    source = source_of(name, root)
    listing = source.listing(labelled=False)
    if not listing.files:
        raise ValueError("; ".join([f"{name} lists no file", *map(": ".join, listing.refused[:3])]))
    class_names = _class_names(listing)
    reading = read_images(listing.files, size, cache=cache_of(source))
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
    return ImageFolder(source.name, facts, reading.images, refused, class_names)


def _class_names(listing: Listing) -> tuple[str, ...]:
    names = tuple(sorted({*listing.labels, *listing.empty} - {""}))
    if len(names) == 1 and "" not in listing.labels:
        raise ValueError(
            f"only one class, {names[0]!r}; if these are images without classes, "
            f"name the folder that holds them: .../{names[0]}"
        )
    return names
