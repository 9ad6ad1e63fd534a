"""Leaks made on purpose: exactly what they promise, and found by the checks for them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import split_dataset

from utils.contamination.planted_leaks import (
    COPIES,
    leaky_and_clean_splits,
    patients_with_k_images,
    random_labels,
    with_bright_border,
    with_copies,
)
from utils.data.duplicates import duplicates_across, small_grey
from utils.data.patients.splitting import GatheredImages
from utils.data.phantoms import draw
from utils.data.split import Split, Splits
from utils.evaluation.leakage import nearest_neighbour_baseline

ALWAYS_FOUND = {"identical", "two grey levels brighter"}
SOMETIMES = {"saved as JPEG", "shrunk and enlarged"}  # how far they move depends on the size


@pytest.fixture(scope="module")
def splits() -> Splits:
    drawn = draw("brain_phantom", 48, 200)
    return split_dataset(
        GatheredImages(drawn, np.full(len(drawn), ""), ""), (0.6, 0.1, 0.3), seed=0
    )[0]


def sizes_by_class(split: Split) -> dict[int, list[int]]:
    """How many images each patient of a class has."""
    return {
        label: sorted(np.unique(split.patients[split.labels == label], return_counts=True)[1])
        for label in range(split.classes)
    }


def test_only_the_patients_differ(splits):
    new, known = leaky_and_clean_splits(splits)
    assert torch.equal(new.test.images, known.test.images)
    assert torch.equal(new.validation.images, known.validation.images)
    assert sizes_by_class(new.train) == sizes_by_class(known.train)
    asked = set(new.test.groups.tolist()) | set(new.validation.groups.tolist())
    assert len(asked) == len(new.test) + len(new.validation)  # of three images one is asked
    assert not asked & set(new.train.groups.tolist())
    assert asked <= set(known.train.groups.tolist())


def test_no_test_image_is_learned_from(splits):
    _, known = leaky_and_clean_splits(splits)
    learned = {image.numpy().tobytes() for image in known.train.images}
    assert not any(image.numpy().tobytes() in learned for image in known.test.images)


def test_known_patients_need_a_large_enough_training_set(splits):
    few = Splits(splits.train.take(range(60)), splits.validation, splits.test)
    with pytest.raises(ValueError, match="larger share"):
        leaky_and_clean_splits(few)


def test_several_of_each_are_images_of_one_patient_or_a_clear_error(splits):
    for rows in patients_with_k_images(splits.test, images=3, patients=4):
        assert len(rows) == 3 and len(np.unique(splits.test.patients[rows])) == 1
    lonely = replace(splits.test, groups=torch.arange(len(splits.test)))
    with pytest.raises(ValueError, match="no patient of the test set has 2 images"):
        patients_with_k_images(lonely, images=2)


def test_a_synthetic_image_replaces_no_patient(splits):
    train = splits.train
    lone = train.groups % 10 == 0
    names = torch.where(lone, 10_000 + torch.arange(len(train)), train.groups)
    new, known = leaky_and_clean_splits(replace(splits, train=replace(train, groups=names)))
    for learned in (new.train, known.train):
        assert (learned.groups >= 10_000).sum() == lone.sum()
    assert sizes_by_class(new.train) == sizes_by_class(known.train)


def test_a_coin_per_patient_can_only_be_memorised(splits):
    new, known = map(random_labels, leaky_and_clean_splits(splits))
    for part in (known.train, known.test):
        by_patient = {(int(g), int(c)) for g, c in zip(part.groups, part.labels, strict=True)}
        assert len(by_patient) == len(part.groups.unique())
    assert 0.3 < known.train.labels.float().mean() < 0.7
    assert (
        nearest_neighbour_baseline(known).accuracy > 0.9
        and nearest_neighbour_baseline(new).accuracy < 0.7
    )
    assert not torch.equal(
        random_labels(splits, 1).train.labels, random_labels(splits).train.labels
    )


def test_copies_are_planted_under_new_names_and_found(splits):
    before = len(splits.test)
    planted, kinds = with_copies(splits, 6)
    assert len(planted.test) == len(kinds) == before + 6 * len(COPIES)
    assert set(kinds[:before]) == {""} and not set(kinds[before:]) - set(COPIES)
    names = [set(part.groups.tolist()) for _, part in planted.items()]
    assert not names[0] & names[2]
    table = duplicates_across(planted)
    found = table[(table["split"] == "test") & (table["split of twin"] == "train")]["image"]
    assert ALWAYS_FOUND <= set(kinds[found]) <= ALWAYS_FOUND | SOMETIMES
    assert np.isin(kinds[list(set(found))], list(ALWAYS_FOUND)).sum() == 6 * len(ALWAYS_FOUND)


def test_copies_are_as_deep_as_their_originals(splits):
    deep = Splits(**{name: split.with_depth(16) for name, split in splits.items()})
    shallow, deep = (with_copies(each, 6)[0].test for each in (splits, deep))
    apart = deep.with_depth(8).images.int() - shallow.images.int()
    assert deep.depth == 16 and apart.abs().max() <= 2  # resized twice


def test_a_small_training_set_gives_fewer_copies_of_each_kind(splits):
    small = replace(splits, train=splits.train.take(torch.arange(2 * len(COPIES) + 3)))
    _, kinds = with_copies(small, 20)
    assert {kind: (kinds == kind).sum() for kind in COPIES} == dict.fromkeys(COPIES, 2)


def test_a_look_up_predicts_the_label_of_the_nearest(splits):
    said = nearest_neighbour_baseline(splits)
    distances = torch.cdist(small_grey(splits.test.images), small_grey(splits.train.images))
    assert torch.equal(
        torch.tensor(said.probabilities).argmax(1), splits.train.labels[distances.argmin(1)]
    )
    copies = Splits(splits.train, splits.train, splits.train)
    assert (
        nearest_neighbour_baseline(copies).accuracy == 1
        and (nearest_neighbour_baseline(copies).probabilities.sum(1) == 1).all()
    )


@pytest.mark.parametrize("label", [0, 1])
def test_a_border_belongs_to_a_class_nearly_always(label, splits):
    train = splits.train
    framed = with_bright_border(train, label, by=8)
    change = framed.images.int() - train.images.int()
    assert change.amin() == 0 and change.amax() <= 8
    assert torch.equal(change[..., 3:-3, 3:-3], torch.zeros_like(change[..., 3:-3, 3:-3]))
    has = change.flatten(1).amax(1) > 0
    agrees = has == (train.labels == label)
    assert 0.8 < agrees.float().mean() < 0.97
    deep = with_bright_border(train.with_depth(16), label, by=8)
    assert torch.equal(deep.with_depth(8).images, framed.images)
    for patient in train.groups.unique():
        assert len(has[train.groups == patient].unique()) == 1
