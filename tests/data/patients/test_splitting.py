"""No patient in two parts, and the right share of each class in each."""

import numpy as np
import pytest
import torch
from folders import class_folders, sizes
from small import split_dataset

from utils.data.duplicates import duplicates_across
from utils.data.loading import load, manifest
from utils.data.patients.splitting import (
    GatheredImages,
    long_tail,
    split_by_group,
    split_by_image,
)
from utils.data.phantoms import draw
from utils.data.split import Split

IMPOSSIBLE = [(0.8, 0.1), (1.2, -0.2), (1.0, 0.0), (0.5, 0.5, 0.5)]


FRACTIONS = [(0.8, 0.1, 0.1), (0.7, 0.2, 0.1), (0.5, 0.5), (0.25, 0.25, 0.25, 0.25)]


def patients(seed: int, count: int = 90):
    """Rare and frequent classes, few and many images per patient."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 30, count)
    classes = rng.choice(4, count, p=[0.5, 0.3, 0.15, 0.05])
    classes[:16] = np.repeat(np.arange(4), 4)
    order = rng.permutation(sizes.sum())
    return np.repeat(classes, sizes)[order], np.repeat(rng.permutation(count) * 7, sizes)[order]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fractions", FRACTIONS, ids=str)
def test_every_image_is_in_one_part_and_every_group_too(seed, fractions):
    labels, groups = patients(seed)
    parts = split_by_group(labels, groups, fractions, seed)
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    seen = [set(groups[part]) for part in parts]
    assert sum(map(len, seen)) == len(set.union(*seen))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fractions", FRACTIONS, ids=str)
def test_every_class_reaches_every_part_in_its_share(seed, fractions):
    labels, groups = patients(seed)
    for part, fraction in zip(split_by_group(labels, groups, fractions), fractions, strict=True):
        assert set(labels[part]) == set(labels)
        assert abs(len(part) / len(labels) - fraction) < 0.05


def test_single_images_are_split_exactly():
    labels = np.repeat([0, 1], [700, 300])
    train, validation, test = split_by_group(labels, np.arange(1000), (0.7, 0.2, 0.1))
    assert [np.bincount(labels[p]).tolist() for p in (train, validation, test)] == [
        [490, 210],
        [140, 60],
        [70, 30],
    ]


def test_the_seed_decides_and_nothing_else():
    labels, groups = patients(0)
    first, again, other = (split_by_group(labels, groups, (0.8, 0.2), seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])


@pytest.mark.parametrize("fractions", IMPOSSIBLE, ids=str)
def test_impossible_fractions_are_refused(fractions):
    with pytest.raises(ValueError, match="sum to 1"):
        split_by_group([0, 1], [0, 1], fractions)


def test_a_missing_validation_set_is_drawn_from_the_training_images(tmp_path):
    for part, each in (("train", 45), ("test", 5)):
        class_folders(tmp_path / "own" / part, ["a", "b"], each)
    # the test images are copies of training images, so those are left out
    splits = load(f"folder:{tmp_path / 'own'}", 8)
    assert (
        sizes(splits) == (70, 10, 10)
        and manifest(f"folder:{tmp_path / 'own'}", 8)["withheld"] == 10
    )


def test_duplicates_are_in_one_part(cervix_splits):
    pairs = duplicates_across(cervix_splits)
    assert len(pairs) >= 30 - 1 + 30 * 4 // 10  # copies, and those saved larger
    assert (pairs["split"] == pairs["split of twin"]).all() and not pairs["identical"].all()
    by_image = duplicates_across(split_by_image(cervix_splits, (0.8, 0.1, 0.1)))
    across = by_image[by_image["split"] != by_image["split of twin"]]
    assert across["identical"].any()  # the same images, split one by one


def test_split_by_image_separates_images_of_one_patient():
    drawn = draw("brain_phantom", 32, 60)
    gathered = GatheredImages(drawn, np.full(len(drawn), ""), "")
    by_patient, withheld = split_dataset(gathered, (0.8, 0.1, 0.1), 0)
    by_image = split_by_image(by_patient, (0.8, 0.1, 0.1))
    shared = [
        set(splits.train.patients) & set(splits.test.patients) for splits in (by_patient, by_image)
    ]
    assert withheld == 0 and not shared[0] and len(shared[1]) > 5
    assert sum(sizes(by_image)) == sum(sizes(by_patient)) == len(drawn)


@pytest.mark.parametrize("seed", range(3))
def test_every_finding_reaches_every_part_in_its_share_and_images_without_any_too(seed):
    rng = np.random.default_rng(seed)
    labels = (rng.random((2000, 4)) < (0.4, 0.2, 0.1, 0.03)).astype(int)
    groups = np.arange(2000) // 3
    parts = split_by_group(labels, groups, (0.7, 0.2, 0.1), seed)
    assert sorted(np.concatenate(parts)) == list(range(2000))
    kinds = np.column_stack([labels, labels.sum(1) == 0])
    for part, share in zip(parts, (0.7, 0.2, 0.1), strict=True):
        assert np.abs(kinds[part].sum(0) / kinds.sum(0) - share).max() < 0.07
    seen = [set(groups[part]) for part in parts]
    assert sum(map(len, seen)) == len(set.union(*seen))


def tail_of(counts: list[int], views: int = 2) -> Split:
    """A split with so many patients of each class, each with `views` images."""
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    labels, groups = (rows.repeat_interleave(views) for rows in (labels, torch.arange(len(labels))))
    images = torch.zeros(len(labels), 1, 8, 8, dtype=torch.uint8)
    return Split(images, labels, tuple("abcdefgh"[: len(counts)]), groups)


def patients_of(split: Split) -> list[int]:
    _, first = np.unique(split.patients, return_index=True)
    return np.bincount(split.labels.numpy()[first], minlength=split.classes).tolist()


@pytest.mark.parametrize(
    "counts, ratio, patients, expected",
    [
        ([100, 100, 100], 25, 0, [100, 20, 4]),
        ([100, 100, 100], 25, 62, [50, 10, 2]),
        ([4, 20, 100], 25, 0, [4, 20, 100]),  # classes keep their order by frequency
        ([60, 60], 1, 0, [60, 60]),
        ([8, 90], 30, 0, [3, 90]),
        ([50, 50, 50], 1000, 0, [50, 2, 1]),  # each class keeps a patient
    ],
)
def test_a_long_tail_falls_by_the_same_factor_from_class_to_class(
    counts, ratio, patients, expected
):
    split = tail_of(counts)
    tail = split.take(long_tail(split, ratio, patients))
    assert patients_of(tail) == expected
    assert len(tail) == 2 * sum(expected)  # whole patients


def test_the_seed_draws_the_patients_of_a_long_tail():
    split = tail_of([40, 40, 40])
    drawn = [set(long_tail(split, 8, 30, seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_long_tail_needs_a_ratio_and_enough_patients():
    with pytest.raises(ValueError, match="at least as many patients, got 0.5 times"):
        long_tail(tail_of([9, 9]), 0.5)
    with pytest.raises(ValueError, match="class 'a' has 9 patients and would need 13; ask"):
        long_tail(tail_of([9, 9]), 4, patients=16)


def test_a_patient_of_two_classes_counts_in_both():
    images = torch.zeros(40, 1, 8, 8, dtype=torch.uint8)
    both = Split(images, torch.arange(40) % 2, ("a", "b"), torch.arange(40) // 2)
    assert both.take(long_tail(both, 10)).counts.tolist() == [20, 2]
