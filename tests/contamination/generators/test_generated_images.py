"""How good drawn images are: closed forms, and cases in which the answer is known."""

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from small import soft_pictures
from torch.nn.functional import avg_pool2d, interpolate

from utils.contamination.generators.generated_images import (
    _between,
    kid,
    manifold,
    sliced_wasserstein,
)
from utils.data.split import to_float

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


def pictures(seed: int, count: int = 40) -> torch.Tensor:
    """Soft shapes under a fine grain."""
    grain = torch.randn(count, 1, 32, 32, generator=torch.Generator().manual_seed(seed))
    return (to_float(soft_pictures(count, 32, seed=seed)) + 0.05 * grain).clamp(0, 1)


def test_patches_of_the_same_kind_are_at_chance_and_blur_is_seen_without_a_network():
    real, other = pictures(0), pictures(1)
    same = sliced_wasserstein(real, other)
    assert same["value"] < 1.5 * same["chance"] and same["low"] < same["value"] < same["high"]
    blurred = interpolate(avg_pool2d(other, 2), scale_factor=2, mode="bilinear")
    found = sliced_wasserstein(real, blurred)
    assert found["low"] > same["high"] and found["low"] > found["chance"]


def test_one_direction_is_the_distance_of_scipy():
    sides = torch.randn(1, 8, 3, generator=torch.Generator().manual_seed(0))  # 4 images each
    first, second = sides[0, :4].flatten(), sides[0, 4:].flatten()
    by_hand = wasserstein_distance(first.numpy(), second.numpy())
    assert _between([sides], torch.arange(4), torch.arange(4, 8)) == pytest.approx(by_hand)


def test_a_handful_of_images_has_no_patch_distance():
    with pytest.raises(ValueError, match="20 images of each side, got 40 and 3"):
        sliced_wasserstein(pictures(0), pictures(1)[:3])
