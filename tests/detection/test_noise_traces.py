"""Traces of noise: what they measure is known, and planted noise is found."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from noises import NOISES
from scipy.spatial.distance import mahalanobis
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from utils.contamination.corruptions.planted_noise import Gaussian, UnevenCoil
from utils.data.phantoms import draw
from utils.data.split import Split, to_float
from utils.detection import noise_traces
from utils.detection.noise_traces import NoiseLevel, robust_z, traces

CHEST = draw("chest_phantom", 40, 70)  # visits


def pictures(images: torch.Tensor, groups=None) -> Split:
    labels = torch.zeros(len(images), dtype=torch.long)
    return Split(images.to(torch.uint8)[:, None], labels, ("any",), groups)


@pytest.mark.parametrize("sigma", [4, 12])
def test_grain_is_the_spread_of_white_noise(sigma):
    """The filter has the squared weights 36, and the median of |normal| is 0.6745."""
    drawn = torch.randn(4, 96, 96, generator=torch.Generator().manual_seed(0))
    found = traces(pictures((128 + sigma * drawn).round()))
    expected = math.log(6 * sigma / 255)
    assert found["fine grain"].to_numpy() == pytest.approx(expected + math.log(0.6745), abs=0.05)
    assert found["all grain"].to_numpy() == pytest.approx(
        expected + math.log(math.sqrt(2 / math.pi)), abs=0.05
    )


def test_what_is_straight_has_no_grain_and_what_is_one_pixel_is_not_in_most_places():
    ramp = torch.arange(64.0)[:, None] + 2 * torch.arange(64.0)
    dotted = ramp.clone()
    dotted[::16, ::16] = 255
    found = traces(pictures(torch.stack([ramp, dotted])))
    fine, every = found["fine grain"], found["all grain"]
    assert fine.to_numpy() == pytest.approx(math.log(1e-5), abs=0.2)
    assert every[0] == pytest.approx(fine[0], abs=0.2) and every[1] > every[0] + 3


def test_seams_lie_between_blocks_of_eight():
    blocks = torch.randint(60, 200, (6, 8, 8), generator=torch.Generator().manual_seed(0))
    blocky = blocks.repeat_interleave(8, 1).repeat_interleave(8, 2).float()
    texture = 3 * torch.randn(6, 64, 64, generator=torch.Generator().manual_seed(1))
    seams = traces(pictures((blocky + texture).clamp(0, 255)))["seams"]
    shifted = traces(pictures((blocky.roll(4, 2).roll(4, 1) + texture).clamp(0, 255)))["seams"]
    assert seams.min() > 2 and shifted.max() < 0


def test_shading_is_the_distance_from_the_nearest_sibling():
    rows = np.random.default_rng(0).normal(size=(40, 9))
    groups = torch.arange(40) // 2
    split = replace(pictures(torch.zeros(40, 8, 8)), groups=groups)
    found = noise_traces._apart(rows, split)
    within = rows - rows.reshape(20, 2, 9).mean(1).repeat(2, 0)
    inverse = np.linalg.inv(np.cov(within.T) + 1e-6 * np.eye(9))
    expected = [mahalanobis(rows[i], rows[i ^ 1], inverse) for i in range(40)]
    assert found == pytest.approx(expected)


def test_an_image_without_siblings_is_compared_with_all_or_gets_the_median():
    rows = np.random.default_rng(0).normal(size=(40, 9))
    alone = replace(pictures(torch.zeros(40, 8, 8)), groups=torch.arange(40))
    inverse = np.linalg.inv(np.cov(rows.T) + 1e-6 * np.eye(9))
    expected = [mahalanobis(row, np.median(rows, 0), inverse) for row in rows]
    assert noise_traces._apart(rows, alone) == pytest.approx(expected)
    assert noise_traces._apart(rows, replace(alone, groups=None)) == pytest.approx(expected)
    groups = torch.cat([torch.arange(36) // 2, torch.arange(36, 40)])
    found = noise_traces._apart(rows, replace(alone, groups=groups))
    assert (found[36:] == np.median(found[:36])).all()


def test_grain_is_compared_with_that_of_the_same_patient():
    """The middle of three says nothing of itself; without patients none is apart."""
    found = traces(CHEST)
    expected = found["fine grain"].to_numpy().reshape(-1, 3)
    expected = (expected - np.median(expected, 1, keepdims=True)).ravel()
    assert found["grain apart"].to_numpy() == pytest.approx(expected)
    assert (traces(replace(CHEST, groups=None))["grain apart"] == 0).all()


def unmoved(split: Split, films: int = 3) -> Split:
    """Films of patients who have not moved in between: only gain and grain differ."""
    drawn = torch.Generator().manual_seed(0)
    one = split.per_patient(1)
    many = one.take(torch.arange(len(one)).repeat_interleave(films))
    gain = 1 + 0.03 * torch.randn(len(many), 1, 1, 1, generator=drawn)
    grain = torch.randn(many.images.shape, generator=drawn)
    images = (many.images * gain + grain).round().clamp(0, 255).to(torch.uint8)
    return replace(many, images=images)


def test_shading_needs_other_films_of_the_same_pose():
    """Alone, or beside another visit, an image does not show that it is shaded."""
    shading = UnevenCoil(rate=0.1, severity=4, seed=1)
    shaded, visits = shading(unmoved(CHEST)), shading(CHEST)
    found = [
        roc_auc_score(each.changed > 0, NoiseLevel().score(each))
        for each in (shaded, replace(shaded, groups=None), visits)
    ]
    assert found[0] > 0.95 and max(found[1:]) < 0.8


@pytest.mark.parametrize("family", NOISES)
def test_noise_of_the_third_severity_is_found(family):
    noisy = family(rate=0.1, severity=3, seed=1)(unmoved(CHEST) if family is UnevenCoil else CHEST)
    assert roc_auc_score(noisy.changed > 0, NoiseLevel().score(noisy)) > 0.95


def test_without_noise_nothing_is_found():
    relabelled = torch.rand(len(CHEST), generator=torch.Generator().manual_seed(0)) < 0.3
    assert roc_auc_score(relabelled, NoiseLevel().score(CHEST)) == pytest.approx(0.5, abs=0.12)


def test_standardised_by_what_most_images_are_like():
    table = pd.DataFrame({"a": [1.0, 2, 3, 4, 1000], "flat": 7.0, "nearly": [0.0, 0, 0, 0, 5]})
    found = robust_z(table)
    assert found["a"].to_numpy() / norm.ppf(0.75) == pytest.approx([-2, -1, 0, 1, 997])
    assert (found["flat"] == 0).all()
    assert found["nearly"].to_list() == pytest.approx([0, 0, 0, 0, 2.5])
    assert np.allclose(robust_z(7 * table + 3), found)


def test_colour_images_and_exposure():
    grey = to_float(CHEST.images[:30])
    colour = replace(CHEST.take(range(30)), images=CHEST.images[:30].repeat(1, 3, 1, 1))
    assert np.allclose(traces(colour), traces(CHEST.take(range(30))), atol=1e-3)
    assert noise_traces._drift(grey[:, 0]).shape == (30, 9)
    gain = noise_traces._drift(1.3 * (grey[:, 0] + 0.05) - 0.05)  # a longer exposure is no shading
    assert torch.allclose(gain, noise_traces._drift(grey[:, 0]), atol=1e-3)
    assert not np.allclose(NoiseLevel().score(Gaussian(rate=0.5)(CHEST)), NoiseLevel().score(CHEST))


def test_an_image_too_small_for_a_seam_has_none():
    split = Split(torch.randint(0, 256, (12, 1, 8, 8)).byte(), torch.zeros(12).long(), ("x",))
    found = traces(split)
    assert (found["seams"] == 0).all() and np.isfinite(found).all(axis=None)
