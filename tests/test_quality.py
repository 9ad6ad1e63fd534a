"""How good drawn images are: closed forms, and cases in which the answer is known."""

import numpy as np
import pytest
import torch
from small import small_split

from utils.quality import kid, manifold, memorised

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
    hits = 0
    for _ in range(40):
        row = kid(RNG.normal(size=(60, 8)), RNG.normal(size=(50, 8)))
        hits += row["low"] <= 0 <= row["high"]
    assert hits >= 34
    near, far = (kid(RNG.normal(size=(60, 8)), RNG.normal(s, size=(60, 8))) for s in (0.5, 1.0))
    assert 0 < near["low"] < near["high"] < far["low"]


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


def test_copies_of_training_images_are_told_from_new_images():
    train, test, new = (small_split(90, seed=seed).images for seed in range(3))
    slightly = (train[:60].float() + torch.randn(60, *train.shape[1:])).clamp(0, 255).byte()
    copied, fresh = memorised(train, test, slightly), memorised(train, test, new)
    assert copied["memorised"] and copied["copies"] > 0.9
    assert not fresh["memorised"] and fresh["low"] < 0.05
