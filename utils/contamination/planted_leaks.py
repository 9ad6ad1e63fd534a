"""Leaks made on purpose: ground truth for every method that should find them."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from utils.contamination.corruptions.planted_noise import jpeg
from utils.data.formats.depth import WHITE
from utils.data.split import Split, Splits, concatenate, resized, to_float, to_levels


def patients_with_k_images(split: Split, images: int = 3, patients: int = 4) -> list[np.ndarray]:
    """The rows of `images` images of each of the first `patients` patients that have as many."""
    each = [rows[:images] for rows in _by_patient(split)]
    if not (chosen := [rows for rows in each if len(rows) == images][:patients]):
        raise ValueError(
            f"no patient of the test set has {images} images, so that none can leak; name the "
            "patients in a table with the columns path, label, patient (an audit writes one from "
            "the pixels) and give its path as the data set"
        )
    return chosen


def leaky_and_clean_splits(splits: Splits, seed: int = 0) -> tuple[Splits, Splits]:
    """Two training sets for the same test images: without and with the test patients.

    A third of each validation and test patient's images is kept for evaluation. The leaky splits
    train on the patient's other images, as happens when images are split instead of patients. In
    the clean splits those images are replaced by equally many of training patients with the same
    label, so both match in size and class balance and differ only in patient identity.
    """
    rng = np.random.default_rng(seed)
    validation, rest_of_validation = _third_of_each(splits.validation, rng)
    test, rest_of_test = _third_of_each(splits.test, rng)
    leaked = concatenate(rest_of_validation, rest_of_test)
    others, matched = _match(splits.train, leaked, rng)
    clean = Splits(concatenate(others, matched), validation, test)
    return clean, replace(clean, train=concatenate(others, leaked))


def random_labels(splits: Splits, seed: int = 0) -> Splits:
    """A coin toss decides the label of each patient: only their identity can be learned."""
    highest = max(int(split.patients.max()) for _, split in splits.items())
    coins = torch.from_numpy(np.random.default_rng(seed).integers(0, 2, highest + 1))
    tossed = {
        name: replace(split, labels=coins[split.patients], class_names=("heads", "tails"))
        for name, split in splits.items()
    }
    return Splits(**tossed)


def jpeg_copy(images: Tensor) -> Tensor:
    """As after saving with the usual quality of 75."""
    return to_levels(jpeg(to_float(images)), 8 * images.element_size())


def brighter(images: Tensor, by: int | Tensor) -> Tensor:
    """So many grey levels of 255 brighter, white at most."""
    step = WHITE[images.dtype] // 255
    return (images.int() + step * by).clamp(max=WHITE[images.dtype]).to(images.dtype)


def resampled_copy(images: Tensor) -> Tensor:
    """To three quarters of the width, and back."""
    return resized(resized(images, 3 * images.shape[-1] // 4), images.shape[-1])


COPIES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "identical": torch.clone,
    "saved as JPEG": jpeg_copy,
    "shrunk and enlarged": resampled_copy,
    "two grey levels brighter": lambda images: brighter(images, 2),
    "mirrored": lambda images: images.flip(-1),
}


def with_copies(splits: Splits, each: int, seed: int = 0) -> tuple[Splits, np.ndarray]:
    """The test set with copies of training images under new patients, `each` of every kind.

    Also the kind of copy of each test image, "" for an original. A small training set gives fewer.
    """
    each = min(each, len(splits.train) // len(COPIES))
    rng, test, kinds = np.random.default_rng(seed), splits.test, [""] * len(splits.test)
    chosen = np.split(rng.permutation(len(splits.train))[: each * len(COPIES)], len(COPIES))
    unused = 1 + max(int(split.patients.max()) for _, split in splits.items())
    for (kind, change), rows in zip(COPIES.items(), chosen, strict=True):
        originals = splits.train.take(np.sort(rows))
        names = unused + len(kinds) + torch.arange(each)
        copies = replace(originals, images=change(originals.images), groups=names)
        test, kinds = concatenate(test, copies), kinds + [kind] * each
    return replace(splits, test=test), np.array(kinds)


def with_bright_border(split: Split, label: int, by: int = 8, sure: float = 0.9, seed: int = 0):
    """As if patients of one class came from a hospital whose scanner leaves a faint frame.

    The share `sure` of the patients with this label has it, and 1 - `sure` of the others.
    """
    rng = np.random.default_rng(seed)
    drawn = torch.from_numpy(rng.random(int(split.patients.max()) + 1))[split.patients]
    framed = torch.where(split.labels == label, drawn < sure, drawn >= sure)
    width = max(1, split.size // 16)
    frame = torch.full(split.images.shape[-2:], by)
    frame[width:-width, width:-width] = 0
    return replace(split, images=brighter(split.images, framed[:, None, None, None] * frame))


def _match(train: Split, leaked: Split, rng: np.random.Generator) -> tuple[Split, Split]:
    """The training set in two: as many patients and images of each label as leaked ones, the rest
    first."""
    others, matched = np.ones(len(train), dtype=bool), []
    for label in np.flatnonzero(leaked.counts):
        wanted = [len(rows) for rows in _by_patient(leaked, label)]
        usable = [rows for rows in _by_patient(train, label) if len(rows) >= max(wanted)]
        if len(usable) < len(wanted):
            raise ValueError(
                f"{len(usable)} training patients of {train.class_names[label]} cannot replace "
                f"{len(wanted)}; give the training a larger share"
            )
        for count, chosen in zip(wanted, rng.permutation(len(usable)), strict=False):
            others[usable[chosen]] = False
            matched.append(rng.permutation(usable[chosen])[:count])
    return train.take(np.flatnonzero(others)), train.take(np.concatenate(matched))


def _by_patient(split: Split, label: int | None = None) -> list[np.ndarray]:
    """The rows of each patient, of one label or of all."""
    rows = np.arange(len(split))
    rows = rows if label is None else np.flatnonzero(split.labels == label)
    patients = split.patients[rows]
    return [rows[patients == one] for one in np.unique(patients)]


def _third_of_each(split: Split, rng: np.random.Generator) -> tuple[Split, Split]:
    """A third of the images of each patient, at least one, and the others."""
    chosen = np.zeros(len(split), dtype=bool)
    for rows in _by_patient(split):
        chosen[rng.permutation(rows)[: max(1, len(rows) // 3)]] = True
    return split.take(chosen.nonzero()[0]), split.take((~chosen).nonzero()[0])
