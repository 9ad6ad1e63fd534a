"""The check for patients: as given, else as file names propose them, else by pixels."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from utils.audit.finding import Finding, count_of, skipped
from utils.audit.folder import ImageFolder
from utils.audit.patients.groups import MAX_PATIENT_SHARE, MIN_FOLDER_IMAGES, MIN_MARGIN


@dataclass(frozen=True)
class RecoveredGroups:
    """Groups of several different images of one class that stay the same if the threshold moves a
    little; `doubted` ones stay, too, but span classes or are far larger than the rest."""

    patients: int
    doubted: int
    images: int
    largest: int  # different images
    examples: tuple[int, ...]  # positions of some images of the largest groups


def check_patients(folder: ImageFolder) -> Finding:
    """Which images belong to one patient: as given, else by file names, else by pixels."""
    if folder.has_patients:
        return _named(folder)
    most = folder.facts["patient"].value_counts(normalize=True).drop("", errors="ignore").max()
    if 0.5 < most < 1:
        return Finding(
            "warning",
            f"One patient name is given to {most:.0%} of the images. It is taken for a "
            "placeholder, and no name was used.",
            "These names would merge many patients into one.",
            "Get the patient of each image.",
        )
    if len(folder) < MIN_FOLDER_IMAGES:
        return skipped(
            f"No patient names, and fewer than {MIN_FOLDER_IMAGES} images: too few to compare."
        )
    if folder.names_show_patients:
        return _proposed_from_names(folder)
    if not folder.pixels_show_patients:
        return skipped(
            "No patient names, and pixels do not show patients here: nothing divides the distances "
            "between images into those of one patient and those of two. So it is with X-rays and "
            "cells, and where each patient has one image. Get the patient of each image."
            + _names_in_words(folder)
        )
    if not folder.has_patient_signal:
        return skipped(
            f"No patient names, and {int(folder.recovered.sizes.max()):,} of {len(folder):,} "
            "images form one chain of similar images: pixels do not separate patients."
        )
    return _recovered(folder)


def _named(folder: ImageFolder) -> Finding:
    sizes = folder.facts["patient"].value_counts()
    labels = folder.facts.groupby("patient")["label"].nunique()
    several, most = int((labels > 1).sum()), sizes.max() / len(folder)
    how = "named"
    if folder.are_proposed:
        how = f"proposed by an earlier audit from {folder.patients_from}, not given"
    return Finding(
        "warning" if most > MAX_PATIENT_SHARE
        else "note" if several or folder.are_proposed else "ok",
        f"{count_of(len(sizes), 'patient is', 'patients are')} {how}. The rarest name has "
        f"{count_of(sizes.min(), 'image')}, the most frequent {sizes.max():,} ({most:.0%} of all). "
        f"{count_of(several, 'patient has', 'patients have')} images of more than one class.",
        "Images of one patient are not independent. A name with very many images may be a "
        "placeholder.",
        "Split, resample and count by patient.",
    )  # fmt: skip


def _names_in_words(folder: ImageFolder) -> str:
    """Groups by name that the images do not confirm."""
    if not folder.names_group_images:
        return ""
    groups, example = pd.Series(folder.name_parts).nunique(), _example(folder)
    return (
        f" The file names would give {groups:,} groups, such as `{example}`, but their images are "
        f"closer to each other than to others of their class in {folder.name_likeness} % of the "
        "pairs only, and 50 % is chance: check whether these names are patients."
    )


def _example(folder: ImageFolder) -> str:
    """The part of a name that most files share."""
    return pd.Series(folder.name_parts).mode()[0]


def _proposed_from_names(folder: ImageFolder) -> Finding:
    sizes = pd.Series(folder.name_parts).value_counts()
    doubted = pd.Series(folder.name_parts)[~folder.are_sure].nunique()
    return Finding(
        "note",
        f"The patients are proposed from file names, not given: {len(sizes):,} groups of files "
        f"that share a part of their name, such as `{_example(folder)}`; the largest has "
        f"{sizes.max():,} images. Images of a group are closer to each other than to others of "
        f"their class in {folder.name_likeness} % of the pairs; 50 % would be chance. "
        f"{count_of(doubted, 'group is', 'groups are')} doubted: of several classes, or far "
        "larger than the rest.",
        "The part may be a patient, or a visit, a ward or a day.",
        "Check the rule on some files. If it is right, split by these groups; doubted ones are "
        "marked in the column `sure`.",
    )


def _recovered(folder: ImageFolder) -> Finding:
    found = find_groups(folder)
    measured = "No group of several images can be relied on."
    if found.images:
        measured = (
            f"{found.images:,} of {len(folder):,} images belong to "
            f"{count_of(found.patients, 'group')} of several images; the largest group has "
            f"{found.largest}."
        )
    if found.doubted:
        measured += (
            f" {count_of(found.doubted, 'more group is', 'more groups are')} doubted: of several "
            "classes, or far larger than the rest."
        )
    names, labels = folder.patient_names, folder.facts["label"].to_numpy()
    return Finding(
        "note" if found.images or found.doubted else "ok",
        f"No patient names; groups come from pixels. {measured} Counted are groups that stay the "
        f"same if the threshold moves by {MIN_MARGIN:g} of the distance to other patients.",
        "An indication, no proof: it works if images of one patient are aligned, as slices are, "
        "and fails for rotated, mirrored or cropped ones. No group found does not mean none there.",
        "Get the patient of each image (a table with a column patient). Until then split by these "
        "groups, doubted ones included, so that images of one patient stay together; the column "
        "`sure` of the table marks them."
        if found.images else "Get the patient of each image all the same.",
        flagged=found.examples,
        captions=tuple(f"{names[i]}: {labels[i]}".removesuffix(": ") for i in found.examples),
    )  # fmt: skip


def find_groups(folder: ImageFolder) -> RecoveredGroups:
    found = folder.recovered
    pairs = np.unique(np.stack([found.members, folder.pixel_groups]), axis=1)
    different = np.bincount(pairs[0])  # images per group, copies counted once
    stable = (different > 1) & (found.margins >= MIN_MARGIN)
    sure = np.zeros(len(different), dtype=bool)
    sure[found.members] = folder.are_sure
    certain = stable & sure
    largest = np.flatnonzero(certain)[np.argsort(-different[certain], kind="stable")][:3]
    rows = [np.flatnonzero(found.members == group)[:4].tolist() for group in largest]
    return RecoveredGroups(
        int(certain.sum()),
        int((stable & ~sure).sum()),
        int(found.sizes[certain].sum()),
        int(different[certain].max(initial=0)),
        tuple(sum(rows, [])),
    )
