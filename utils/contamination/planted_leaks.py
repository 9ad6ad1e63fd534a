"""Leaks made on purpose, so that whoever finds them can be marked against the truth."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from utils.contamination.noise import jpeg
from utils.data.split import Split, Splits, concatenate, resized, to_float, to_uint8


def patients_with_k_images(split: Split, images: int = 3, patients: int = 4) -> list[np.ndarray]:
    """The rows of so many images of each of the first patients who have them."""
    each = [rows[:images] for rows in _by_patient(split, np.arange(len(split)))]
    if not (chosen := [rows for rows in each if len(rows) == images][:patients]):
        raise ValueError(
            f"nobody in the test has {images} images, so that no patient can be known from another "
            "image; name the patients in a table with the columns path, label, patient (an audit "
            "writes one from the pixels) and give it as folder:TABLE.csv"
        )
    return chosen


def leaky_and_clean_splits(splits: Splits, seed: int = 0) -> tuple[Splits, Splits]:
    """Two ways to prepare a training for the same test images: its patients are new, or known.

    A third of the images of each validation and test patient is asked about. In the second
    splits his other images are learned from, as happens when images are dealt and not patients.
    In the first somebody of the training with the same diagnosis stands there instead, with as
    many images. So both learn from as many patients and images of each class; only who they are
    differs.
    """
    rng = np.random.default_rng(seed)
    validation, of_validation = _a_third_of_each(splits.validation, rng)
    test, of_test = _a_third_of_each(splits.test, rng)
    known = concatenate(of_validation, of_test)
    others, instead = _stand_ins(splits.train, known, rng)
    new = Splits(concatenate(others, instead), validation, test)
    return new, replace(new, train=concatenate(others, known))


def _stand_ins(train: Split, known: Split, rng: np.random.Generator) -> tuple[Split, Split]:
    """Everybody else, and for each of the known somebody with the same label and as many images."""
    others, instead = np.ones(len(train), dtype=bool), []
    for label in np.flatnonzero(known.counts):
        mine, theirs = (np.flatnonzero(split.labels == label) for split in (known, train))
        wanted = [len(rows) for rows in _by_patient(known, mine)]
        there = [rows for rows in _by_patient(train, theirs) if len(rows) >= max(wanted)]
        if len(there) < len(wanted):
            raise ValueError(
                f"{len(there)} training patients of {train.class_names[label]} cannot stand for "
                f"{len(wanted)}; give the training a larger share"
            )
        for count, chosen in zip(wanted, rng.permutation(len(there)), strict=False):
            others[there[chosen]] = False
            instead.append(rng.permutation(there[chosen])[:count])
    return train.take(np.flatnonzero(others)), train.take(np.concatenate(instead))


def _by_patient(split: Split, among: np.ndarray) -> list[np.ndarray]:
    """These rows, patient by patient."""
    owners = split.patients[among]
    return [among[owners == one] for one in np.unique(owners)]


def _a_third_of_each(split: Split, rng: np.random.Generator) -> tuple[Split, Split]:
    """A third of the images of each patient, at least one, and the others."""
    asked = np.zeros(len(split), dtype=bool)
    for mine in _by_patient(split, np.arange(len(split))):
        asked[rng.permutation(mine)[: max(1, len(mine) // 3)]] = True
    return split.take(asked.nonzero()[0]), split.take((~asked).nonzero()[0])


def random_labels(splits: Splits, seed: int = 0) -> Splits:
    """A coin is thrown for each patient: there is nothing to learn but who he is."""
    highest = max(int(split.patients.max()) for _, split in splits.items())
    coins = torch.from_numpy(np.random.default_rng(seed).integers(0, 2, highest + 1))
    named = {
        name: replace(split, labels=coins[split.patients], class_names=("heads", "tails"))
        for name, split in splits.items()
    }
    return Splits(**named)


def jpeg_copy(images: Tensor) -> Tensor:
    return to_uint8(jpeg(to_float(images)))


def resampled_copy(images: Tensor) -> Tensor:
    """To three quarters of the width, and back."""
    return resized(resized(images, 3 * images.shape[-1] // 4), images.shape[-1])


COPIES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "identical": torch.clone,
    "saved as JPEG": jpeg_copy,
    "shrunk and enlarged": resampled_copy,
    "two grey levels brighter": lambda images: (images.int() + 2).clamp(max=255).byte(),
    "mirrored": lambda images: images.flip(-1),
}


def with_copies(splits: Splits, each: int, seed: int = 0) -> tuple[Splits, np.ndarray]:
    """Copies of training images hidden among the test images, `each` of every kind, under names
    of patients that nobody has; and the kind of each test image, "" where it is none."""
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

    Of the patients with this label a share `sure` has it, of the others as many as are left.
    """
    rng = np.random.default_rng(seed)
    drawn = torch.from_numpy(rng.random(int(split.patients.max()) + 1))[split.patients]
    framed = torch.where(split.labels == label, drawn < sure, drawn >= sure)
    width = max(1, split.size // 16)
    frame = torch.full(split.images.shape[-2:], by)
    frame[width:-width, width:-width] = 0
    brighter = (split.images.int() + framed[:, None, None, None] * frame).clamp(max=255).byte()
    return replace(split, images=brighter)
