"""From files to splits: read, name the classes, find the groups, deal them out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from utils.catalogue import Dataset
from utils.ingest import read_images
from utils.patients import levelled, recovered_patients
from utils.similarity import digests, joined_groups, nearest
from utils.sources import Listing
from utils.splits import Split, Splits, split_by_group

UNKNOWN = "unknown; only copies of a picture are kept together"
CLEAR = 64  # pixels: of smaller images some patients and synthetic images are not told apart


@dataclass(frozen=True)
class Gathered:
    """All images of a data set, before they are dealt out.

    `parts` are train, validation, test or "" for each image; `digest` proves the content.
    `synthetic` are the positions of images that show nobody; `notes` go into the manifest.
    """

    split: Split
    parts: np.ndarray
    digest: str
    quarantine: tuple[tuple[str, str], ...] = ()
    synthetic: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    notes: dict = field(default_factory=dict)


def gathered_files(listing: Listing, dataset: Dataset, size: int) -> Gathered:
    """Read what is listed; the classes are checked before the first image is opened."""
    listing = as_catalogued(listing, dataset)
    class_names = dataset.class_names or tuple(sorted(set(listing.labels)))
    _check_classes(listing, class_names)
    reading = read_images(listing.files, size, dataset.channels)
    images, kept, clashing = _agreed(reading.images, listing.take(reading.positions))
    quarantine = (*listing.refused, *reading.quarantine, *clashing)
    if not kept.files:
        first = "; ".join(f"{file}: {reason}" for file, reason in quarantine[:3])
        raise ValueError(f"none of {len(listing.files)} files could be read ({first})")
    _check_classes(kept, class_names)
    labels = torch.tensor([class_names.index(label) for label in kept.labels])
    facts = (reading.digest, quarantine)
    if dataset.lost_patients:
        clear = images if size >= CLEAR else read_images(kept.files, CLEAR, dataset.channels).images
        return _with_patients_found(Split(images, labels, class_names), clear, dataset, *facts)
    split = Split(images, labels, class_names, groups_of(images, kept.patients))
    notes = {"patients": "given" if kept.patients else UNKNOWN}
    return Gathered(split, np.array(kept.parts), *facts, notes=notes)


def _with_patients_found(split: Split, clear: Tensor, dataset: Dataset, *facts) -> Gathered:
    """Real images get the patients that their pixels tell of, synthetic ones a number each.

    `clear` are the same images, large enough for that.
    """
    nobody = dataset.synthetic(clear) if dataset.synthetic else torch.zeros(len(split)).bool()
    real, synthetic = torch.nonzero(~nobody)[:, 0], torch.nonzero(nobody)[:, 0]
    found = recovered_patients(clear[real])
    pictures = np.array(digests(clear[real]))
    each = [len(set(pictures[found.groups == patient])) for patient in range(len(found.sizes))]
    groups = torch.empty(len(split), dtype=torch.long)
    groups[real] = found.groups
    groups[synthetic] = len(each) + torch.arange(len(synthetic))
    notes = {
        "patients": "recovered from pixels; an official test set without patients is not kept",
        "recovered": len(each),
        f"recovered with {dataset.lost_patients} pictures": each.count(dataset.lost_patients),
        "least sure": round(float(found.margins.min()), 3) if len(each) else None,
        "synthetic": len(synthetic),
    }
    anew = np.full(len(split), "")
    return Gathered(replace(split, groups=groups), anew, *facts, synthetic.numpy(), notes)


def _agreed(images: Tensor, listing: Listing) -> tuple[Tensor, Listing, list[tuple[str, str]]]:
    """Without the pictures that stand under two classes, and these with the reason.

    At most one of their labels is right, and nothing here tells which.
    """
    pictures = digests(images)
    classes: dict[str, set[str]] = {}
    for picture, label in zip(pictures, listing.labels, strict=True):
        classes.setdefault(picture, set()).add(label)
    clashing = [i for i, picture in enumerate(pictures) if len(classes[picture]) > 1]
    if not clashing:
        return images, listing, []
    under = [" and ".join(sorted(classes[pictures[i]])) for i in clashing]
    reasons = [f"the same picture stands under {both}" for both in under]
    refused = list(zip((str(listing.files[i]) for i in clashing), reasons, strict=True))
    agreed = sorted(set(range(len(images))) - set(clashing))
    return images[agreed], listing.take(agreed), refused


def groups_of(images: Tensor, patients: Sequence[str] | None) -> Tensor:
    """One number per patient; duplicates belong together even where patients are unknown."""
    if patients is None:
        return joined_groups(images)
    _, known = np.unique(np.array(patients), return_inverse=True)
    return joined_groups(images, torch.from_numpy(known))


def as_catalogued(listing: Listing, dataset: Dataset) -> Listing:
    """The listing with the classes and patients that the data set's recipe reads from it."""
    named = zip(listing.files, listing.labels, strict=True)
    listing = replace(listing, labels=tuple(dataset.class_of(file, label) for file, label in named))
    if dataset.patient_of:
        patients = tuple(dataset.patient_of(file) for file in listing.files)
        listing = replace(listing, patients=patients)
    if not dataset.official_validation:
        parts = tuple("train" if part == "validation" else part for part in listing.parts)
        listing = replace(listing, parts=parts)
    return listing


def _check_classes(listing: Listing, class_names: tuple[str, ...]) -> None:
    found = dict(zip(listing.labels, listing.files, strict=True))
    if unknown := sorted(set(found) - set(class_names)):
        raise ValueError(
            f"unknown class {unknown[0]!r} ({found[unknown[0]]}); "
            f"this data set has {', '.join(class_names)}"
        )
    if missing := [name for name in class_names if name not in found]:
        raise ValueError(
            f"class {missing[0]!r} has no (readable) image; found only {', '.join(sorted(found))}"
        )
    if len(class_names) < 2:
        raise ValueError(f"only one class, {class_names[0]!r}; telling apart needs at least two")


def dealt(gathered: Gathered, fractions: Sequence[float], seed: int) -> tuple[Splits, int]:
    """Train, validation and test, and the number of images that had to be left out.

    An official test set, and an official validation set beside it, stay as they are; without
    a test set everything is dealt anew. A training image is left out when its group has an
    image in an official set: the same patient, or the same picture.
    """
    if len(gathered.synthetic):
        return _dealt_with_synthetic(gathered, fractions, seed)
    parts = gathered.parts.astype(object)
    if "test" not in parts:
        parts[:] = ""
        chosen = _by_group(gathered.split, np.arange(len(parts)), fractions, seed)
        return _checked(gathered.split, chosen), 0
    test = np.flatnonzero(parts == "test")
    rest = _strangers(gathered.split, np.flatnonzero(parts != "test"), test)
    validation = rest[parts[rest] == "validation"]
    if len(validation):
        train = _strangers(gathered.split, rest[parts[rest] != "validation"], validation)
    else:
        both = fractions[0] + fractions[1]
        shares = (fractions[0] / both, fractions[1] / both)
        train, validation = _by_group(gathered.split, rest, shares, seed)
    chosen = (train, validation, test)
    return _checked(gathered.split, chosen), len(parts) - sum(map(len, chosen))


def _dealt_with_synthetic(gathered: Gathered, fractions, seed: int) -> tuple[Splits, int]:
    """Synthetic images are learned from, and never asked about.

    They were made from real ones. Where the most similar real image belongs to a patient of
    the validation or the test the synthetic one is left out: it may show him under another
    name. Test and training are dealt first, so that a class of two real patients is learned
    and tested, and the validation does without it.
    """
    split, synthetic = gathered.split, gathered.synthetic
    real = np.setdiff1d(np.arange(len(split)), synthetic)
    for_train, for_validation, for_test = fractions
    test, train, validation = _by_group(split, real, (for_test, for_train, for_validation), seed)
    pictures = levelled(split.images)
    _, models = nearest(pictures[synthetic], pictures[real])
    asked = split.patients[np.concatenate([validation, test])]
    learned = synthetic[~np.isin(split.patients[real[models[:, 0]]], asked)]
    chosen = (np.sort(np.concatenate([train, learned])), validation, test)
    return _checked(split, chosen, needed=("train", "test")), len(synthetic) - len(learned)


def dealt_by_image(splits: Splits, fractions: Sequence[float], seed: int = 0) -> Splits:
    """The mistake, to be seen once: the same images dealt one by one, whoever they belong to."""
    together = splits.together
    chosen = split_by_group(together.labels, range(len(together)), fractions, seed)
    return _checked(together, chosen)


def _by_group(split: Split, among: np.ndarray, fractions, seed: int) -> list[np.ndarray]:
    some = split.take(among)
    dealt_out = split_by_group(some.labels, some.patients, fractions, seed)
    return [among[part] for part in dealt_out]


def _strangers(split: Split, candidates: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Those candidates whose patient has no image among the known."""
    patients = split.patients
    return candidates[~np.isin(patients[candidates], patients[known])]


def _checked(split: Split, chosen, needed=("train", "validation", "test")) -> Splits:
    """Splits in which every class has images where it needs some."""
    splits = Splits(*(split.take(indices) for indices in chosen))
    for part in needed:
        for label in np.flatnonzero(getattr(splits, part).counts == 0):
            mine = split.take(split.labels == label)
            groups = len(np.unique(mine.patients))
            raise ValueError(
                f"class {split.class_names[label]!r} has no image for {part}: its {len(mine)} "
                f"images come from {groups} patients or groups, and {', '.join(needed)} "
                "need one each; add patients or leave the class out"
            )
    if not len(splits.validation):
        raise ValueError("no patient is left for the validation; add patients or change the shares")
    return splits
