"""Leakage is found in slices of shared patients and in copies, and nowhere else."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawn import drawn, first_patients
from small import split_dataset, split_of, unrelated

from utils.contamination.planted_leaks import jpeg_copy, resampled_copy
from utils.data import load
from utils.data.patients.recovery import recover_patients
from utils.data.patients.splitting import GatheredImages, split_by_image
from utils.data.phantoms import PHANTOMS
from utils.data.split import Splits
from utils.evaluation import leakage
from utils.evaluation.leakage import (
    SIBLINGS_TOLERATED,
    is_leaky,
    leakage_report,
    nearest_neighbour_baseline,
    relative_distances,
)

SHARES = (0.8, 0.1, 0.1)
VISITS = ("chest_phantom", "cervix_phantom", "findings_phantom")  # no two views are alike


@cache
def by_patient(name: str) -> Splits:
    """The usual draw, as small as 32 pixels."""
    large = drawn(name)
    images = F.avg_pool2d(large.images.float(), 2).round().to(torch.uint8)
    small = replace(large, images=images, masks=None)
    return split_dataset(GatheredImages(small, np.full(len(small), ""), ""), SHARES, seed=1)[0]


def without_patients(splits: Splits) -> Splits:
    return Splits(**{name: replace(split, groups=None) for name, split in splits.items()})


def test_the_score_is_right_on_copies_and_chance_on_noise():
    train = split_of(unrelated(400))
    copies = Splits(train, train, train)
    assert nearest_neighbour_baseline(copies).accuracy == 1
    noise = Splits(train, train, split_of(unrelated(400, seed=1)))
    assert 0.4 < nearest_neighbour_baseline(noise).accuracy < 0.6


def test_unrelated_images_are_no_siblings_and_noisy_copies_are():
    train, test = split_of(unrelated(400)), unrelated(60, seed=1)
    assert relative_distances(test, train.images)[0].min() > 0.8
    siblings = (train.images[:60].float() * 0.9 + test.float() * 0.1).to(torch.uint8)
    ratios, nearest_ones = relative_distances(siblings, train.images)
    assert ratios.max() < 0.5 and torch.equal(nearest_ones, torch.arange(60))


@pytest.mark.parametrize("name", PHANTOMS)
def test_leakage_is_found_where_patients_are_shared_and_only_there(name):
    honest = leakage_report(by_patient(name))
    assert not honest.leaky and honest.siblings < 0.05
    assert str(honest).startswith("No leakage found")
    mixed = leakage_report(split_by_image(by_patient(name), SHARES))
    assert mixed.leaky and mixed.shared_groups > 10
    assert mixed.baseline.low <= mixed.baseline.value <= mixed.baseline.high
    assert honest.row["leakage"] == "none found" and mixed.row["leakage"] == "found"


def test_neighbouring_slices_inflate_the_baseline_and_are_found_without_patient_numbers():
    honest = leakage_report(by_patient("brain_phantom"))
    mixed = leakage_report(without_patients(split_by_image(by_patient("brain_phantom"), SHARES)))
    assert mixed.baseline.value > honest.baseline.value + 0.1
    assert mixed.leaky and mixed.shared_groups == 0 and mixed.siblings > 3 * SIBLINGS_TOLERATED


@pytest.mark.parametrize("name", VISITS)
def test_visits_of_one_patient_are_found_by_number_alone(name):
    """The limit of a look-up by pixels: pose, breath and exposure hide who it is."""
    mixed = split_by_image(by_patient(name), SHARES)
    assert leakage_report(mixed).leaky
    unknown = leakage_report(without_patients(mixed))
    assert not unknown.leaky and unknown.siblings < SIBLINGS_TOLERATED


@pytest.mark.parametrize("name", [*VISITS, "brain_phantom"])
def test_a_report_says_where_unnamed_patients_would_not_be_seen(name):
    """Slices of a head show their patient, so that few siblings mean something; visits do not."""
    honest = by_patient(name)
    known, unnamed = leakage_report(honest), leakage_report(without_patients(honest))
    assert not known.blind and known.row["patients in two splits"] == 0
    assert unnamed.blind == (name in VISITS) and not unnamed.leaky
    words = ("not visible", "not visible") if unnamed.blind else ("not named", "none found")
    assert (unnamed.row["patients in two splits"], unnamed.row["leakage"]) == words
    assert ("not visible" in str(unnamed)) == unnamed.blind


def test_groups_of_copies_are_no_patients():
    """What `load` makes of a folder without names: every picture a group of its own."""
    shared = split_by_image(by_patient("chest_phantom"), SHARES)
    loaded = {
        name: replace(part, groups=torch.arange(len(part)) + 10_000 * n, patients_known=False)
        for n, (name, part) in enumerate(shared.items())
    }
    report = leakage_report(Splits(**loaded))
    assert report.blind and report.row["patients in two splits"] == "not visible"


@pytest.mark.parametrize("change", [jpeg_copy, resampled_copy])
def test_a_few_harsh_copies_are_found(change):
    large = first_patients("chest_phantom", 90)
    splits, _ = split_dataset(GatheredImages(large, np.full(len(large), ""), ""), SHARES, seed=0)
    assert leakage_report(splits).copies == 0
    images = splits.test.images.clone()
    images[:3] = change(splits.train.images[:3])
    leakage = leakage_report(replace(splits, test=replace(splits.test, images=images)))
    assert leakage.copies == 3 and leakage.identical == 0 and leakage.copied


PLANTED = {
    "nothing": (0, 0, None),
    "one identical image": (1, 0, "identical"),
    "few near images": (0, 1, None),
    "many near images": (0, 30, "copy"),
}


@pytest.mark.parametrize("case", PLANTED)
def test_the_report_names_what_was_planted(case):
    same, near, reason = PLANTED[case]
    train, test = unrelated(500), unrelated(200, seed=1)
    test[:same] = train[:same]
    test[50 : 50 + near] = train[50 : 50 + near] + 1
    splits = Splits(split_of(train), split_of(unrelated(50, seed=2)), split_of(test))
    leakage = leakage_report(splits)
    assert (leakage.identical, leakage.copies) == (same, same + near)
    assert leakage.leaky == (reason is not None) == bool(leakage.reasons)
    assert reason is None or reason in " ".join(leakage.reasons)


@pytest.mark.parametrize(
    ("identical", "copies", "siblings", "shared", "leaky"),
    [
        (0, 0, 0.0, 0, False),
        (1, 1, 0.0, 0, True),
        (0, 2, 0.0, 0, False),  # one in a hundred may look alike
        (0, 3, 0.0, 0, True),
        (0, 0, 0.1, 0, False),
        (0, 0, 0.11, 0, True),
        (0, 0, float("nan"), 0, False),  # siblings were not searched for
        (0, 0, 0.0, 1, True),
    ],
)
def test_one_rule_decides_about_leakage(identical, copies, siblings, shared, leaky):
    assert is_leaky(identical, copies, 200, siblings, shared) is leaky


def test_the_report_gives_its_score_as_every_interval_is_given():
    leakage = leakage_report(by_patient("brain_phantom"))
    assert leakage.row["look-up"] == f"{leakage.baseline.text(digits=0)} %"
    assert f"is right for {leakage.baseline} % of the test images" in str(leakage)


def test_one_shared_patient_is_enough():
    groups = torch.arange(60)
    parts = [unrelated(20, seed=seed) for seed in range(3)]
    owners = groups.split(20)
    owners[2][0] = 3
    splits = Splits(*(split_of(p, groups=g) for p, g in zip(parts, owners, strict=True)))
    leakage = leakage_report(splits)
    assert leakage.shared_groups == 1 and leakage.reasons[0].startswith("1 patients or groups")


def test_an_empty_test_split_is_refused():
    train = split_of(unrelated(20))
    with pytest.raises(ValueError, match="the test split is empty"):
        leakage_report(Splits(train, train, train.take(torch.arange(0))))


@pytest.mark.parametrize("kind", ["brain_phantom", "chest_phantom"])
def test_whether_pixels_show_patients_is_told_without_a_copy_of_all_images(kind, monkeypatch):
    splits = load(kind, 48).limit(60)
    together = recover_patients(torch.cat([part.images for _, part in splits.items()]))
    given = []
    monkeypatch.setattr(
        leakage, "recover_patients", lambda images: given.append(images) or recover_patients(images)
    )
    assert leakage.pixels_show_patients(splits) == together.has_valley == (kind[:5] == "brain")
    assert given[0].shape[1:] == (1, 32, 32)
