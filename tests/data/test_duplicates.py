"""Nearest neighbours against brute force, and an alarm that rings when it should."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from utils.contamination.planted_leaks import jpeg_copy, resampled_copy
from utils.data.duplicates import (
    NEAR,
    duplicate_pairs,
    duplicates_across,
    merge_duplicates,
    nearest,
    small_grey,
)
from utils.data.patient_split import GatheredImages, split_by_image, split_dataset
from utils.data.phantoms import PHANTOMS, draw
from utils.data.split import Split, Splits
from utils.evaluation.leakage import (
    SIBLINGS_TOLERATED,
    leakage_alarm,
    nearest_neighbour_baseline,
    relative_distances,
)

SHARES = (0.8, 0.1, 0.1)


def unrelated(count: int, size: int = 32, seed: int = 0, channels: int = 1):
    generator = torch.Generator().manual_seed(seed)
    shape = (count, channels, size, size)
    return torch.randint(40, 215, shape, generator=generator, dtype=torch.uint8)


def split_of(images, labels=None, groups=None) -> Split:
    labels = torch.arange(len(images)) % 2 if labels is None else labels
    return Split(images, labels, ("a", "b"), groups)


@pytest.fixture(params=PHANTOMS, scope="module")
def by_patient(request) -> Splits:
    drawn = draw(request.param, 32)
    return split_dataset(GatheredImages(drawn, np.full(len(drawn), ""), ""), SHARES, seed=1)[0]


def test_small_pictures_are_averages_of_areas():
    images = unrelated(3, 64, channels=3)
    expected = images.float().mean(1).reshape(3, 32, 2, 32, 2).mean((2, 4)).flatten(1)
    assert torch.allclose(small_grey(images), expected, atol=1e-3)
    assert torch.equal(small_grey(unrelated(2)), unrelated(2).float().flatten(1))


def test_the_nearest_are_those_of_brute_force():
    queries, pictures = small_grey(unrelated(50)), small_grey(unrelated(2100, seed=1))
    distances, positions = nearest(queries, pictures, 3)
    every = torch.cdist(queries.double(), pictures.double()) / 32
    expected = every.topk(3, largest=False)
    assert torch.equal(positions, expected.indices)
    assert torch.allclose(distances, expected.values.float(), atol=1e-2)


@pytest.mark.parametrize("shift", [0, 1, 2, 3, 5])
def test_duplicates_are_found_up_to_the_threshold_and_not_beyond(shift):
    images = torch.cat([unrelated(1500), unrelated(1500)[700:710] + shift])
    expected = [[700 + i, 1500 + i] for i in range(10)] if shift <= NEAR else []
    assert duplicate_pairs(images).tolist() == expected


def test_a_recompressed_image_is_still_a_duplicate():
    noise = torch.randn(20, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 3
    images = unrelated(20, 64)
    again = (images + noise).round().clamp(0, 255).to(torch.uint8)
    assert len(duplicate_pairs(torch.cat([images, again]))) == 20


def test_duplicates_form_chains_and_tie_known_groups_only_when_identical():
    image = unrelated(1)
    images = torch.cat([image, image + 2, image + 4, unrelated(2, seed=1), image])
    unknown = merge_duplicates(images)
    assert unknown[0] == unknown[1] == unknown[2] == unknown[5]
    assert len(unknown.unique()) == 3
    known = merge_duplicates(images, torch.tensor([8, 6, 6, 3, 3, 9]))
    assert known[0] == known[5] and known[1] == known[2] and known[3] == known[4]
    assert len(known.unique()) == 3


def test_the_table_of_duplicates_says_where_both_lie():
    train, test = unrelated(30), unrelated(30, seed=1)
    test[4], test[6] = train[9], train[3] + 1
    splits = Splits(split_of(train), split_of(unrelated(30, seed=2)), split_of(test))
    table = duplicates_across(splits)
    assert table["distance"].tolist() == [0, 1] and table["identical"].tolist() == [True, False]
    assert table[["split", "image", "split of twin", "twin"]].to_numpy().tolist() == [
        ["test", 4, "train", 9],
        ["test", 6, "train", 3],
    ]


def test_the_score_is_right_on_copies_and_chance_on_noise():
    train = split_of(unrelated(400))
    copies = Splits(train, train, train)
    assert nearest_neighbour_baseline(copies).accuracy == 1
    noise = Splits(train, train, split_of(unrelated(400, seed=1)))
    assert 0.4 < nearest_neighbour_baseline(noise).accuracy < 0.6


def test_strangers_are_no_siblings_and_noisy_copies_are():
    train, test = split_of(unrelated(400)), unrelated(60, seed=1)
    assert relative_distances(test, train.images)[0].min() > 0.8
    siblings = (train.images[:60].float() * 0.9 + test.float() * 0.1).to(torch.uint8)
    ratios, nearest_ones = relative_distances(siblings, train.images)
    assert ratios.max() < 0.5 and torch.equal(nearest_ones, torch.arange(60))


def test_the_alarm_is_silent_for_patients_and_rings_for_slices(by_patient):
    silent = leakage_alarm(by_patient)
    assert not silent.rings and silent.siblings < 0.05 and str(silent).startswith("No alarm")
    mixed = leakage_alarm(split_by_image(by_patient, SHARES))
    assert mixed.rings and mixed.shared_groups > 10 and mixed.look_up > silent.look_up + 0.1
    assert mixed.interval[0] <= mixed.look_up <= mixed.interval[1]


def test_the_alarm_needs_no_patients_to_ring(by_patient):
    loose = {n: replace(s, groups=None) for n, s in split_by_image(by_patient, SHARES).items()}
    alarm = leakage_alarm(Splits(**loose))
    assert alarm.rings and alarm.shared_groups == 0 and alarm.siblings > 3 * SIBLINGS_TOLERATED


@pytest.mark.parametrize("change", [jpeg_copy, resampled_copy])
def test_a_few_harsh_copies_ring(change):
    drawn = draw("chest_phantom", 64, 90)
    splits, _ = split_dataset(GatheredImages(drawn, np.full(len(drawn), ""), ""), SHARES, seed=0)
    assert leakage_alarm(splits).copies == 0
    images = splits.test.images.clone()
    images[:3] = change(splits.train.images[:3])
    alarm = leakage_alarm(replace(splits, test=replace(splits.test, images=images)))
    assert alarm.copies == 3 and alarm.identical == 0 and alarm.copied


PLANTED = {
    "nothing": (0, 0, None),
    "one identical image": (1, 0, "identical"),
    "few near images": (0, 1, None),
    "many near images": (0, 30, "copy"),
}


@pytest.mark.parametrize("case", PLANTED)
def test_the_alarm_names_what_was_planted(case):
    same, near, reason = PLANTED[case]
    train, test = unrelated(500), unrelated(200, seed=1)
    test[:same] = train[:same]
    test[50 : 50 + near] = train[50 : 50 + near] + 1
    splits = Splits(split_of(train), split_of(unrelated(50, seed=2)), split_of(test))
    alarm = leakage_alarm(splits)
    assert (alarm.identical, alarm.copies) == (same, same + near)
    assert alarm.rings == (reason is not None)
    assert reason is None or reason in " ".join(alarm.reasons)


def test_one_shared_patient_is_enough():
    groups = torch.arange(60)
    parts = [unrelated(20, seed=seed) for seed in range(3)]
    owners = groups.split(20)
    owners[2][0] = 3
    splits = Splits(*(split_of(p, groups=g) for p, g in zip(parts, owners, strict=True)))
    alarm = leakage_alarm(splits)
    assert alarm.shared_groups == 1 and alarm.reasons[0].startswith("1 patients or groups")
