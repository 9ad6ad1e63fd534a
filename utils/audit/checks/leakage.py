"""The check for leakage: test images that are known from training."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from utils.audit.checks.duplicates import identical_pairs, pair_captions
from utils.audit.finding import EXAMPLES, Finding, count_of, not_applicable
from utils.audit.folder import TEST_PARTS, ImageFolder
from utils.data.duplicates import small_grey
from utils.evaluation.intervals import Interval, mean_of
from utils.evaluation.leakage import (
    COPY,
    SIBLING,
    SIBLINGS_TOLERATED,
    is_leaky,
    relative_distances,
)

LEAKS = "leaks.csv"  # the file beside the report
MIN_TRAINING_IMAGES = 20  # fewer contain no typical neighbour to compare distances with
BLIND = " Few siblings mean nothing here: the patients are not named, and pixels do not show them."
KINDS = ("identical", "copy", "patient", "study", "sibling")  # of a leak, the gravest first


@dataclass(frozen=True)
class Leakage:
    """Test images that are known from training: as duplicates, as patients, as siblings.

    The images of one DICOM study are of one patient, also where that one is not named. A sibling is
    a training image less than half as far away as a typical neighbour.
    """

    copied: np.ndarray  # pairs of duplicates in two parts, a training image first
    siblings: np.ndarray  # pairs of training and test image
    test_images: int
    compared: int  # test images for which siblings were searched
    identical: int  # test images with an identical image in another part
    copies: int  # the same with near-duplicates
    related: int  # test images with a copy or a sibling among the training images
    share_related: Interval
    shared_patients: int
    shared_studies: int

    @property
    def is_leaky(self) -> bool:
        counts = self.identical, self.copies, self.test_images
        shared = self.shared_patients + self.shared_studies
        return is_leaky(*counts, self.share_related.value, shared)


def check_leakage(folder: ImageFolder) -> Finding:
    """Test images that are known from training: as duplicates, as patients, as siblings."""
    if not folder.has_test_part:
        return not_applicable("No train and test folders, so no leakage yet. Split by patient.")
    found = find_leakage(folder)
    leaky, pairs = found.is_leaky, np.concatenate([found.copied, found.siblings])
    return Finding(
        "alarm" if leaky else "note" if len(pairs) or is_blind(folder) else "ok",
        f"{count_of(found.copies, 'test image has', 'test images have')} a copy in another part, "
        f"{_shared_in_words(found, folder)} in two. "
        + _studies_in_words(found)
        + _siblings_in_words(found, folder),
        "A test on images or patients of the training set measures memory. Siblings are found by "
        "pixels alone: very uniform images may look related without being so."
        if leaky else "",
        f"Remove the training files named in `{LEAKS}`, or split again by patient."
        if leaky or found.copies else
        "Get the patient of each image: without it, patients on both sides are not found."
        if is_blind(folder) else "",
        _leakage_table(found, folder),
        tuple(pairs.ravel().tolist()),
        tuple(pair_captions(folder, pairs[: EXAMPLES // 2])),
        files={LEAKS: table} if len(table := leak_table(folder, found)) else {},
    )  # fmt: skip


def is_blind(folder: ImageFolder) -> bool:
    """Whether patients on both sides would be seen neither by name nor by pixels."""
    return not (_are_named(folder) or folder.pixels_show_patients)


def _are_named(folder: ImageFolder) -> bool:
    """Whether patients are given, or proposed from file names."""
    return folder.has_patients or folder.names_show_patients


def find_leakage(folder: ImageFolder) -> Leakage:
    identical = _across(folder, identical_pairs(folder))
    nearest, ratios = _nearest_training_images(folder)
    near = (_across(folder, folder.near_duplicates), nearest[ratios < COPY])
    copied = _once(folder, np.concatenate([identical, *near]))
    tested = np.isin(folder.parts, TEST_PARTS)
    return Leakage(
        copied=copied,
        siblings=nearest[(ratios >= COPY) & (ratios < SIBLING)],
        test_images=int(tested.sum()),
        compared=len(ratios),
        identical=int(tested[np.unique(identical)].sum()),
        copies=int(tested[np.unique(copied)].sum()),
        related=int((ratios < SIBLING).sum()),
        share_related=mean_of(ratios < SIBLING, folder.groups[nearest[:, 1]]),
        shared_patients=_in_two_parts(folder, folder.patient_names if _are_named(folder) else ()),
        shared_studies=_in_two_parts(folder, folder.studies),
    )


def _in_two_parts(folder: ImageFolder, names: np.ndarray) -> int:
    """How many of these have images in several parts; "" is none."""
    if not len(names):
        return 0
    parts = folder.facts["part"].groupby(names).nunique()
    return int((parts.drop("", errors="ignore") > 1).sum())


def _shared_in_words(found: Leakage, folder: ImageFolder) -> str:
    if folder.names_show_patients:
        one, more = (f"{word} proposed from file names" for word in ("patient", "patients"))
        return count_of(found.shared_patients, f"{one} is", f"{more} are")
    return count_of(found.shared_patients, "named patient is", "named patients are")


def _studies_in_words(found: Leakage) -> str:
    if not found.shared_studies:
        return ""
    one, more = "DICOM study has images", "DICOM studies have images"
    return f"{count_of(found.shared_studies, one, more)} in two, and a study is of one patient. "


def _siblings_in_words(found: Leakage, folder: ImageFolder) -> str:
    if not found.compared:
        return f"Siblings were not searched for: fewer than {MIN_TRAINING_IMAGES} training images."
    return (
        f"{found.share_related} % of the test images have a sibling in training, a very similar "
        f"image; more than {100 * SIBLINGS_TOLERATED:.0f} % mean the same patients on both sides. "
        f"Interval over {folder.group_description}." + BLIND * is_blind(folder)
    )


def _leakage_table(found: Leakage, folder: ImageFolder) -> pd.DataFrame:
    shared = found.shared_patients if _are_named(folder) else None
    rows = {
        "test images with an identical image in another part": found.identical,
        "test images with a copy in another part, near-duplicates included": found.copies,
        "patients named in two parts": shared,
        **({"DICOM studies in two parts": found.shared_studies} if folder.studies.any() else {}),
        "test images with a sibling among the training images": found.related
        if found.compared else None,
        "test images": found.test_images,
    }  # fmt: skip
    return pd.DataFrame({"what": list(rows), "found": pd.Series(rows.values(), dtype=object)})


def leak_table(folder: ImageFolder, found: Leakage) -> pd.DataFrame:
    """One row per pair of a test and a training file; the distance in grey levels of a picture of
    32 pixels."""
    kinds = [
        ("sibling", found.siblings),
        ("copy", found.copied),
        ("patient", _pairs_by(folder, folder.patient_names if _are_named(folder) else ())),
        ("study", _pairs_by(folder, folder.studies)),
    ]
    pairs = np.concatenate([pairs for _, pairs in kinds])
    known, tested = pairs.T
    small = small_grey(folder.images)
    apart = (small[known] - small[tested]).square().mean(1).sqrt().numpy()
    same = folder.pixel_groups[known] == folder.pixel_groups[tested]
    kind = np.repeat([kind for kind, _ in kinds], [len(pairs) for _, pairs in kinds])
    table = pd.DataFrame({
        "test file": folder.relative_files[tested], "training file": folder.relative_files[known],
        "kind": np.where(same & (kind == "copy"), "identical", kind), "distance": apart.round(3),
        "test part": folder.parts[tested], "training part": folder.parts[known],
    })  # fmt: skip
    order = table["kind"].map({kind: number for number, kind in enumerate(KINDS)})
    return table.assign(order=order).sort_values(["order", "distance"]).drop(columns="order")


def _pairs_by(folder: ImageFolder, names: np.ndarray) -> np.ndarray:
    """Each test image of a name after one training image of the same name; "" is none."""
    if not len(names):
        return np.empty((0, 2), int)
    train = np.flatnonzero((folder.parts == "train") & (names != ""))
    first = dict(zip(names[train][::-1], train[::-1], strict=True))
    tested = np.flatnonzero(np.isin(folder.parts, TEST_PARTS) & np.isin(names, list(first)))
    return np.array([(first[names[row]], row) for row in tested], int).reshape(-1, 2)


def _across(folder: ImageFolder, pairs: np.ndarray) -> np.ndarray:
    return pairs[folder.parts[pairs[:, 0]] != folder.parts[pairs[:, 1]]]


def _once(folder: ImageFolder, pairs: np.ndarray) -> np.ndarray:
    """Each pair once, at its first position, a training image before its copy."""
    train = folder.parts == "train"
    turned = train[pairs[:, 1]] & ~train[pairs[:, 0]]
    pairs = np.where(turned[:, None], pairs[:, ::-1], pairs)
    return pairs[np.sort(np.unique(pairs, axis=0, return_index=True)[1])]


def _nearest_training_images(folder: ImageFolder) -> tuple[np.ndarray, np.ndarray]:
    """Each test image after its nearest training image, closest pairs first, and their distance
    relative to that of a typical neighbour."""
    tested, known = (np.flatnonzero(np.isin(folder.parts, p)) for p in (TEST_PARTS, ("train",)))
    if len(known) < MIN_TRAINING_IMAGES:
        return np.empty((0, 2), dtype=int), np.empty(0)
    ratios, nearest = relative_distances(folder.images[tested], folder.images[known])
    order = np.argsort(ratios.numpy(), kind="stable")
    return np.stack([known[nearest], tested], 1)[order], ratios.numpy()[order]
