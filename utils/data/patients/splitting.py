"""Split images into training, validation and test, patient by patient."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from utils.data.duplicates import nearest
from utils.data.formats.table import shorten
from utils.data.patients.recovery import normalise_exposure
from utils.data.split import Split, Splits

PARTS = ("train", "validation", "test")


def split_by_group(
    labels: Sequence, groups: Sequence[int], fractions: Sequence[float], seed: int = 0
) -> list[np.ndarray]:
    """Indices for each fraction; no group is in two of them, and every class in all if possible.

    Labels are classes, or 0 and 1 for every finding; an image without any counts as one more class.

    Groups are assigned one by one, largest of the rarest class first, to the part that is farthest
    below its share. A class with as many groups as there are parts therefore reaches every part.
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    if abs(sum(fractions) - 1) > 1e-9 or min(fractions) <= 0:
        raise ValueError(f"fractions must be positive and sum to 1, got {tuple(fractions)}")
    _, member = np.unique(groups, return_inverse=True)
    if labels.ndim == 2:
        each = np.column_stack([labels, labels.sum(1) == 0])
    else:
        each = np.eye(labels.max() + 1)[labels]
    table = np.zeros((member.max() + 1, each.shape[1]))
    np.add.at(table, member, each)
    part_of = _assign(table, np.asarray(fractions), np.random.default_rng(seed))
    return [np.flatnonzero(part_of[member] == part) for part in range(len(fractions))]


def _assign(table: np.ndarray, fractions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The part of each group (a row of images per class), rarest class and largest group first."""
    totals = table.sum(0)
    present = totals > 0
    rarest = np.where(table > 0, totals, np.inf).min(1)
    order = np.lexsort([rng.random(len(table)), -table.sum(1), rarest])
    wanted = fractions[:, None] * totals[present]
    received = np.zeros_like(wanted)
    part_of = np.empty(len(table), dtype=int)
    for group in order:
        weight = table[group, present] / totals[present]
        part = int(np.argmin((received / wanted) @ weight))
        received[part] += table[group, present]
        part_of[group] = part
    return part_of


@dataclass(frozen=True)
class GatheredImages:
    """All images of a data set before they are split.

    `parts` are train, validation, test or "" for each image; `digest` proves the content.
    `synthetic` are the positions of images of no real patient; `notes` go into the manifest.
    """

    split: Split
    parts: np.ndarray
    digest: str
    quarantine: tuple[tuple[str, str], ...] = ()
    synthetic: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    notes: dict = field(default_factory=dict)


def split_rows(
    gathered: GatheredImages, fractions: Sequence[float], seed: int
) -> tuple[dict[str, np.ndarray], int]:
    """The rows of train, validation and test, and the number of images that had to be left out.

    An official test set, and an official validation set beside it, stay as they are; without
    a test set everything is split anew. A training image is left out if its group has an image in
    an official set: the same patient, or a duplicate. No image is copied.
    """
    if len(gathered.synthetic):
        return _split_with_synthetic(gathered, fractions, seed)
    parts = gathered.parts.astype(object)
    if set(parts) == {"test"}:
        raise ValueError(
            f"all {len(parts)} images are for test, and none is for training; name other splits, "
            "or none to have them chosen"
        )
    if "test" not in parts:
        parts[:] = ""
        chosen = _by_group(gathered.split, np.arange(len(parts)), fractions, seed)
        return _checked(gathered.split, chosen), 0
    test = np.flatnonzero(parts == "test")
    rest = _without_patients_of(gathered.split, np.flatnonzero(parts != "test"), test)
    validation = rest[parts[rest] == "validation"]
    if len(validation):
        train = _without_patients_of(gathered.split, rest[parts[rest] != "validation"], validation)
    else:
        both = fractions[0] + fractions[1]
        shares = (fractions[0] / both, fractions[1] / both)
        train, validation = _by_group(gathered.split, rest, shares, seed)
    chosen = (train, validation, test)
    return _checked(gathered.split, chosen), len(parts) - sum(map(len, chosen))


def _split_with_synthetic(
    gathered: GatheredImages, fractions, seed: int
) -> tuple[dict[str, np.ndarray], int]:
    """Synthetic images go to the training set alone.

    They were made from real ones. If the most similar real image belongs to a validation or test
    patient, the synthetic image is left out: it may be a copy of that patient. Test and training
    are filled first, so a class of two real patients is in both and missing from validation.
    """
    split, synthetic = gathered.split, gathered.synthetic
    real = np.setdiff1d(np.arange(len(split)), synthetic)
    for_train, for_validation, for_test = fractions
    test, train, validation = _by_group(split, real, (for_test, for_train, for_validation), seed)
    pictures = normalise_exposure(split.images)
    _, originals = nearest(pictures[synthetic], pictures[real])
    held_out = split.patients[np.concatenate([validation, test])]
    kept = synthetic[~np.isin(split.patients[real[originals[:, 0]]], held_out)]
    chosen = (np.sort(np.concatenate([train, kept])), validation, test)
    return _checked(split, chosen, needed=("train", "test")), len(synthetic) - len(kept)


def split_by_image(splits: Splits, fractions: Sequence[float], seed: int = 0) -> Splits:
    """The mistake, to be seen once: the same images split one by one, ignoring patients."""
    together = splits.all_images
    chosen = split_by_group(together.labels, range(len(together)), fractions, seed)
    rows = _checked(together, chosen)
    return Splits(**{part: together.take(places) for part, places in rows.items()})


def long_tail(split: Split, ratio: float, patients: int = 0, seed: int = 0) -> np.ndarray:
    """Places of images: `ratio` times as many patients of the commonest class as of the rarest.

    From class to class their number falls by the same factor. The classes keep their order by
    frequency, and each keeps a patient; one with images of two classes counts in both. `patients`
    are those of all classes; 0 means as many as possible. The seed draws which.
    """
    if not ratio >= 1:
        raise ValueError(f"the commonest class has at least as many patients, got {ratio} times")
    labels = split.labels.cpu().numpy()
    owners, first, member = np.unique(
        split.patients * split.classes + labels, return_index=True, return_inverse=True
    )
    label = labels[first]
    counts = np.bincount(label, minlength=split.classes)
    ranks = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    shares = ratio ** -(ranks / max(1, split.classes - 1))
    scale = (counts / shares).min() if not patients else patients / shares.sum()
    wanted = np.maximum(1, np.round(scale * shares)).astype(int)
    if (wanted > counts).any():
        short = int(np.argmax(wanted - counts))
        raise ValueError(
            f"class {shorten(split.class_names[short])!r} has {counts[short]} patients and would "
            f"need {wanted[short]}; ask for fewer patients in all, or for 0"
        )
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(np.flatnonzero(label == c))[:n] for c, n in enumerate(wanted)]
    return np.flatnonzero(np.isin(member, np.concatenate(drawn)))


def _by_group(split: Split, among: np.ndarray, fractions, seed: int) -> list[np.ndarray]:
    parts = split_by_group(split.labels[among], split.patients[among], fractions, seed)
    return [among[part] for part in parts]


def _without_patients_of(split: Split, candidates: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Those candidates whose patient has no image among the known."""
    patients = split.patients
    return candidates[~np.isin(patients[candidates], patients[known])]


def _checked(split: Split, chosen, needed=PARTS) -> dict[str, np.ndarray]:
    """The rows of each part, in which every class has images where it needs some."""
    rows, columns = dict(zip(PARTS, chosen, strict=True)), range(split.classes)
    has = np.stack([split.has(label).numpy() for label in columns], axis=1)
    for part in needed:
        for label in np.flatnonzero(~has[rows[part]].any(0)):
            members = has[:, label]
            groups = len(np.unique(split.patients[members]))
            raise ValueError(
                f"class {shorten(split.class_names[label])!r} has no image for {part}: its "
                f"{members.sum()} images come from {groups} patients or groups, and "
                f"{', '.join(needed)} need one each; add patients or leave the class out"
            )
    if not len(rows["validation"]):
        raise ValueError("no patient is left for validation; add patients or change the shares")
    return rows
