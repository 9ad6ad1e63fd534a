"""From listed files to labelled images: read, name the classes, find the patients."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from utils.data.components import joined_groups
from utils.data.duplicates import merge_duplicates, pixel_hashes
from utils.data.file_facts import name_patients
from utils.data.formats.findings import finding_columns, findings_in, in_one_order, name_several
from utils.data.formats.reading import AS_SHOWN, Reading
from utils.data.formats.table import shorten
from utils.data.listing import Listing
from utils.data.patients.recovery import recover_patients
from utils.data.patients.splitting import GatheredImages
from utils.data.reader import ReadImages, read_images
from utils.data.source import Dataset
from utils.data.split import Split, in_depth
from utils.data.storage.spool import spooled_rows

UNKNOWN = "unknown; only copies of an image are kept together"
BY_HEADER = "given by the headers of the files"
BY_STUDY = "unknown; the images of one DICOM study are kept together, and copies of an image"
BY_FILE = "unknown; the images of one file are kept together, and copies of an image"
LONGEST = 300  # letters of a file's name, or of all classes, in a message
CLEAR = 64  # pixels: smaller images mix up some patients, and synthetic images with real ones


def read_listing(
    listing: Listing,
    dataset: Dataset,
    size: int,
    cache: Path | None = None,
    reading: Reading = AS_SHOWN,
) -> GatheredImages:
    """Read what is listed; the classes are checked before the first image is opened."""
    if not listing.files:
        raise _none_read(listing.refused)
    several = name_several(listing.labels)
    if several:
        listing = replace(listing, labels=tuple(map(in_one_order, listing.labels)))
    class_names = dataset.class_names or tuple(sorted(_first_files(listing, several)))
    _check_classes(listing, class_names, several)
    found = read_images(listing.files, size, dataset.channels, cache, reading)
    kept, listed, clashing = _without_conflicts(found.images, listing.take(found.positions))
    images = found.images
    if len(kept) < len(images):
        images = torch.from_numpy(spooled_rows(found.pixels, np.array(kept, int), cache))
    quarantine = (*listing.refused, *found.quarantine, *clashing)
    if not listed.files:
        raise _none_read(quarantine)
    _check_classes(listed, class_names, several)
    if several:
        labels = finding_columns(listed.labels, class_names)
    else:
        labels = torch.tensor([class_names.index(label) for label in listed.labels])
    split = Split(images, labels, class_names, files=tuple(map(str, listed.files)))
    if found.has_volumes:
        split = replace(split, frames=torch.tensor(found.frames)[kept])
    facts = (found.digest, quarantine)
    if dataset.lost_patients:
        if size < CLEAR:
            images = read_images(listed.files, CLEAR, dataset.channels, cache, reading).images
        return _with_recovered_patients(split, in_depth(images, 8), dataset, *facts)
    rows = np.array(found.positions)[kept]
    headers, studies = found.header_patients[rows], found.header_studies[rows]
    patients, source = _known_patients(listed, headers, studies, found.has_volumes)
    files = split.files if patients else np.where(studies == "", split.files, studies)
    groups = patient_groups(images, patients, files)
    split = replace(split, groups=groups, patients_known=patients is not None)
    notes = {"patients": source, **_reading_notes(found, reading)}
    return GatheredImages(split, np.array(listed.parts), *facts, notes=notes)


def _known_patients(
    listed: Listing, headers: np.ndarray, studies: np.ndarray, volumes: bool
) -> tuple[Sequence[str] | None, str]:
    """The patient of each image, if known, and where this is from: table, name rule, or headers.

    Headers count where they name a patient for every image, and not one name for most of them.
    """
    if listed.patients:
        proposed = f"proposed from {listed.proposed}, not given"
        return listed.patients, proposed if listed.proposed else "given"
    if name_patients(headers):
        return headers.tolist(), BY_HEADER
    return None, BY_STUDY if studies.any() else BY_FILE if volumes else UNKNOWN


def _reading_notes(found: ReadImages, reading: Reading) -> dict:
    """How the files were read, and of how many the grey levels come from where."""
    rows = found.facts[found.facts["reason"] == ""]
    levels = Counter(how.partition(":")[0] for how in rows["levels"])
    notes = {"reading": asdict(reading), "grey levels": dict(levels)}
    return notes | {"blank images": int(rows["blank"].sum())} if found.has_volumes else notes


def _with_recovered_patients(
    split: Split, clear: Tensor, dataset: Dataset, *facts
) -> GatheredImages:
    """Real images are grouped by patient from their pixels; a synthetic one is a group of its own.

    `clear` are the same images, large enough for that.
    """
    made_up = dataset.synthetic(clear) if dataset.synthetic else torch.zeros(len(split)).bool()
    real, synthetic = torch.nonzero(~made_up)[:, 0], torch.nonzero(made_up)[:, 0]
    found = recover_patients(clear[real])
    hashes = np.array(pixel_hashes(clear[real]))
    each = [len(set(hashes[found.groups == patient])) for patient in range(len(found.sizes))]
    groups = torch.empty(len(split), dtype=torch.long)
    groups[real] = found.groups
    groups[synthetic] = len(each) + torch.arange(len(synthetic))
    notes = {
        "patients": "recovered from pixels; an official test set without patients is not kept",
        "recovered": len(each),
        f"recovered with {dataset.lost_patients} pictures": each.count(dataset.lost_patients),
        "smallest margin": round(float(found.margins.min()), 3) if len(each) else None,
        "synthetic": len(synthetic),
    }
    no_parts = np.full(len(split), "")
    return GatheredImages(replace(split, groups=groups), no_parts, *facts, synthetic.numpy(), notes)


def _without_conflicts(
    images: Tensor, listing: Listing
) -> tuple[list[int], Listing, list[tuple[str, str]]]:
    """The images to keep without those that appear under two classes, and these with the reason.

    At most one of their labels is right, and the pixels do not show which.
    """
    hashes = pixel_hashes(images)
    classes: dict[str, set[str]] = {}
    for digest, label in zip(hashes, listing.labels, strict=True):
        classes.setdefault(digest, set()).add(label)
    clashing = [i for i, digest in enumerate(hashes) if len(classes[digest]) > 1]
    if not clashing:
        return list(range(len(images))), listing, []
    labels = [" and ".join(map(shorten, sorted(classes[hashes[i]]))) for i in clashing]
    reasons = [f"the same image appears under {both}" for both in labels]
    refused = list(zip((str(listing.files[i]) for i in clashing), reasons, strict=True))
    kept = sorted(set(range(len(images))) - set(clashing))
    return kept, listing.take(kept), refused


def patient_groups(
    images: Tensor, patients: Sequence[str] | None, files: Sequence[str] | None = None
) -> Tensor:
    """One number per patient; images of one file, and duplicates, share one even if patients are
    unknown. Each different picture is compared once: a table may name one a thousand times."""
    known: dict[str, int] = {}
    member = np.array([known.setdefault(h, len(known)) for h in pixel_hashes(images)])
    same_file = [] if files is None else [np.unique(np.array(files), return_inverse=True)[1]]
    if patients is None:
        _, first = np.unique(member, return_index=True)
        alike = merge_duplicates(images, rows=torch.from_numpy(first)).numpy()[member]
        return _numbers(alike, *same_file)
    return _numbers(np.unique(np.array(patients), return_inverse=True)[1], member, *same_file)


def _numbers(*groups: np.ndarray) -> Tensor:
    return torch.from_numpy(joined_groups(*groups)).long()


def _none_read(quarantine: Sequence[tuple[str, str]]) -> ValueError:
    first = "; ".join(f"{file[:LONGEST]}: {reason}" for file, reason in quarantine[:3])
    return ValueError(f"none of {len(quarantine)} files could be read ({first})")


def _first_files(listing: Listing, several: bool) -> dict[str, Path]:
    """A file of each class, or with each finding."""
    named = zip(listing.labels, listing.files, strict=True)
    if several:
        return {name: file for label, file in named for name in findings_in(label)}
    return dict(named)


def _check_classes(listing: Listing, class_names: tuple[str, ...], several: bool) -> None:
    found = _first_files(listing, several)
    if unknown := sorted(set(found) - set(class_names)):
        raise ValueError(
            f"unknown class {shorten(unknown[0])!r} ({found[unknown[0]]}); "
            f"this data set has {', '.join(class_names)}"
        )
    if missing := [name for name in class_names if name not in found]:
        others = shorten(", ".join(map(shorten, sorted(found))), LONGEST)
        raise ValueError(
            f"class {shorten(missing[0])!r} has no (readable) image; found only {others}"
        )
    if len(class_names) < 2:
        only = repr(shorten(class_names[0])) if class_names else "no finding"
        raise ValueError(f"only one class, {only}; a classifier needs at least two")
