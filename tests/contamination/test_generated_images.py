"""How good drawn images are: closed forms, and cases in which the answer is known."""

import numpy as np
import pytest
import torch
from small import small_split

from utils.contamination.generated_images import (
    classifier_agreement,
    kid,
    manifold,
    memorisation_test,
)
from utils.evaluation.predictions import Predictions

RNG = np.random.default_rng(0)


def test_kid_is_the_mean_over_pairs_of_different_images():
    real, fake = RNG.normal(size=(5, 3)), RNG.normal(size=(4, 3))

    def mean(a, b, skip):
        pairs = [
            (x @ y / 3 + 1) ** 3
            for i, x in enumerate(a)
            for j, y in enumerate(b)
            if not (skip and i == j)
        ]
        return np.mean(pairs)

    by_hand = mean(real, real, True) + mean(fake, fake, True) - 2 * mean(real, fake, False)
    assert kid(real, fake)["value"] == pytest.approx(by_hand)


def test_kid_of_one_kind_is_0_within_its_interval_and_grows_with_the_distance():
    rows = [kid(RNG.normal(size=(60, 8)), RNG.normal(size=(50, 8))) for _ in range(100)]
    assert sum(row["low"] <= 0 <= row["high"] for row in rows) >= 80
    assert 88 <= sum(row["value"] <= row["chance"] for row in rows) < 100  # 95 expected
    near, far = (kid(RNG.normal(size=(60, 8)), RNG.normal(s, size=(60, 8))) for s in (0.5, 1.0))
    assert 0 < near["low"] < near["high"] < far["low"]


def test_the_standard_error_is_that_of_leaving_out_each_image():
    real, fake = RNG.normal(size=(6, 3)), RNG.normal(size=(5, 3))
    without = [[kid(np.delete(real, i, 0), fake)["value"] for i in range(6)]]
    without += [[kid(real, np.delete(fake, i, 0))["value"] for i in range(5)]]
    error = np.sqrt(sum((len(each) - 1) * np.var(each) for each in without))
    row = kid(real, fake)
    assert row["high"] - row["value"] == pytest.approx(1.96 * error)


def test_a_second_opinion_is_asked_only_where_the_first_is_unlike_what_was_asked_for():
    names, groups = ("a", "b", "c"), np.arange(6)
    labels = np.array([0, 0, 0, 1, 1, 2])
    networks = [Predictions(labels, np.eye(3)[each], groups, names) for each in (
        [0, 1, 1, 2, 2, 0], [1, 0, 1, 1, 0, 0])]  # fmt: skip
    found = classifier_agreement(*networks)
    assert found["of"].tolist() == [5, 5] and found["value"].tolist() == [2 / 5, 2 / 5]
    assert found.loc["prediction of the first", "low"] < 0.4 < found["high"].iloc[0]
    # second on the five: 0 1 1 0 0, intended: 0 0 1 1 2, first: 1 1 2 2 0
    assert found["chance"].tolist() == pytest.approx([(3 * 2 + 2 * 2) / 25, (3 * 1 + 2 * 2) / 25])
    agreed = Predictions(labels, np.eye(3)[labels], groups, names)
    assert classifier_agreement(agreed, networks[1])["value"].isna().all()


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match="3 images of each side, got 2 and 9"):
        kid(np.zeros((2, 4)), np.zeros((9, 4)))


@pytest.mark.parametrize(
    ("fake", "precision", "recall"),
    [
        ("the same", 1, 1),
        ("one of them again and again", 1, 0.1),  # collapse: all real, few covered
        ("somewhere else", 0, 0),
    ],
)
def test_precision_and_recall_tell_collapse_from_nonsense(fake, precision, recall):
    real = RNG.normal(size=(200, 3))
    fakes = {
        "the same": RNG.normal(size=(200, 3)),
        "one of them again and again": np.repeat(real[:1], 200, 0) + RNG.normal(0, 1e-3, (200, 3)),
        "somewhere else": RNG.normal(50, 1, (200, 3)),
    }[fake]
    found = manifold(real, fakes)
    assert found["precision"] == pytest.approx(precision, abs=0.15)
    assert found["recall"] == pytest.approx(recall, abs=0.15)


def test_density_is_not_deceived_by_a_single_image_far_out():
    real = np.vstack([RNG.normal(size=(100, 2)), [[40.0, 0.0]]])
    found = manifold(real, RNG.normal((20, 0), 0.1, (100, 2)))
    assert found["precision"] == 1 and found["density"] < 0.5
    usual = manifold(real[:100], RNG.normal(size=(100, 2)))
    assert usual["density"] == pytest.approx(1, abs=0.35)


def test_copies_of_training_images_are_told_from_new_images():
    train, test, new = (small_split(90, seed=seed).images for seed in range(3))
    slightly = (train[:60].float() + torch.randn(60, *train.shape[1:])).clamp(0, 255).byte()
    copied, fresh = memorisation_test(train, test, slightly), memorisation_test(train, test, new)
    assert copied["memorised"] and copied["copies"] > 0.9
    assert not fresh["memorised"] and fresh["p"] > 0.05


def test_new_images_are_rarely_called_copies():
    train = small_split(30, 8).images
    verdicts = [
        memorisation_test(
            train, *(small_split(30, 8, seed=100 * side + k).images for side in (1, 2))
        )
        for k in range(80)
    ]
    assert sum(found["memorised"] for found in verdicts) <= 6  # 2 of 80 expected, at most
