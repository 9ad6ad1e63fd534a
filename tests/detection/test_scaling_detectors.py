"""Suspicions that an image hides another one: high where it does, and known in closed form."""

import numpy as np
import pandas as pd
import pytest
import torch
from small import soft_pictures

from utils.contamination.image_scaling import Scaling
from utils.contamination.resizers import Resizer
from utils.data.split import Split
from utils.detection.scaling_detectors import (
    LARGE_IMAGES_PER_BATCH,
    MEASURES,
    ScalingDetector,
    fit_thresholds,
    scaling_scores,
)
from utils.evaluation.image_similarity import histogram_similarity, ssim

KERNELS = [Resizer("opencv", kernel) for kernel in ("nearest", "bilinear", "bicubic", "lanczos")]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resizer", KERNELS, ids=str)
def test_every_score_rises_when_something_is_hidden(resizer, channels):
    clean = soft_pictures(4, 128, channels)
    hidden = Scaling(resizer)(clean, soft_pictures(4, 16, channels, seed=1))
    before, after = (scaling_scores(images, resizer, (16, 16)) for images in (clean, hidden))
    assert list(before) == list(MEASURES)
    assert (after.mean() > before.mean()).all()
    for name in ("difference", "unlike (SSIM)", "minimum filter"):
        assert after[name].min() > before[name].max()


def test_a_plain_image_scores_zero():
    plain = torch.full((1, 1, 64, 64), 90, dtype=torch.uint8)
    found = scaling_scores(plain, KERNELS[1], (8, 8)).iloc[0]
    for ratio in ("spectral peak", "read pixels", "read pixels, worst tile"):
        assert found.pop(ratio) == pytest.approx(1)
    assert np.allclose(found, 0, atol=1e-6)


def test_the_difference_in_closed_form():
    image = torch.full((1, 1, 64, 64), 100, dtype=torch.uint8)
    image[..., 0, 1] = 151  # nearest does not read it: what is left is the plain image
    found = scaling_scores(image, KERNELS[0], (8, 8), ["difference"])
    assert list(found) == ["difference"]
    assert found["difference"][0] == pytest.approx((51 / 255) ** 2 / 64**2, rel=1e-4)


READ = ["read pixels", "read pixels, worst tile"]


def test_noise_and_lines_do_not_look_like_pixels_that_were_read():
    """Both are rough, and neither is rough where the resizer reads in both directions."""
    clean = soft_pictures(4, 128)
    generator = torch.Generator().manual_seed(0)
    noise = 40 * torch.randn(clean.shape, generator=generator)
    noisy = (clean + noise).clamp(0, 255).to(torch.uint8)
    lined = clean.clone()
    lined[..., 35:37] = 255  # columns that bilinear reads
    hidden = Scaling(KERNELS[1])(clean, soft_pictures(4, 16, seed=1))
    names = ["difference", *READ]
    scores = {
        name: scaling_scores(images, KERNELS[1], (16, 16), names)
        for name, images in {"noisy": noisy, "lined": lined, "hidden": hidden}.items()
    }
    assert scores["noisy"]["difference"].min() > 0.5 * scores["hidden"]["difference"].min()
    for name in READ:
        assert scores["noisy"][name].max() < 1.6 and scores["lined"][name].max() < 1.6
        assert scores["hidden"][name].min() > 2.5


def test_the_worst_tile_finds_what_the_mean_over_the_image_misses():
    generator = torch.Generator().manual_seed(0)
    noise = 10 * torch.randn(4, 1, 256, 256, generator=generator)
    clean = (soft_pictures(4, 256) + noise).clamp(0, 255).to(torch.uint8)
    small = KERNELS[1](clean, (32, 32))
    small[..., 24:29, 24:29] = 255  # a small trigger
    hidden = Scaling(KERNELS[1])(clean, small)
    before, after = (scaling_scores(i, KERNELS[1], (32, 32)) for i in (clean, hidden))
    tile = "read pixels, worst tile"
    assert after[tile].min() > 1.5 * before[tile].max()
    rise = [(after[name] / before[name]).mean() for name in (tile, "read pixels")]
    assert rise[0] > 1.5 * rise[1]


def test_a_kernel_that_reads_all_pixels_alike_has_none_to_compare():
    area = Resizer("opencv", "area")
    found = scaling_scores(soft_pictures(2, 64), area, (8, 8), READ)
    assert np.allclose(found, 1, atol=1e-4)


def test_dots_at_equal_distances_are_a_peak_and_as_many_anywhere_are_not():
    regular = torch.full((1, 1, 64, 64), 100, dtype=torch.uint8)
    regular[..., ::8, ::8] = 200
    anywhere = torch.full((1, 1, 64, 64), 100, dtype=torch.uint8)
    places = torch.randperm(64 * 64, generator=torch.Generator().manual_seed(0))[:64]
    anywhere.view(-1)[places] = 200
    peaks = scaling_scores(torch.cat([regular, anywhere]), KERNELS[1], (8, 8))["spectral peak"]
    assert peaks[0] > 3 * peaks[1]


@pytest.mark.parametrize(
    "clean, hiding, limit",
    [
        ([1, 1], [100, 100], 10),  # half way, in logarithms
        ([4, 4], [3, 9], 4),  # no gap: false alarms come first
        ([-1e-16, 0], [1, 1], 1e-9**0.5),  # rounding makes no limit that none exceeds
    ],
)
def test_limits_lie_between_both_sides(clean, hiding, limit):
    tables = (pd.DataFrame({"s": side}) for side in (clean, hiding))
    assert fit_thresholds(*tables)["s"] == pytest.approx(limit, rel=1e-6)


def split_of(images: torch.Tensor) -> Split:
    return Split(images, torch.zeros(len(images)).long(), ("any",))


@pytest.mark.parametrize("name", MEASURES)
def test_a_detector_is_one_column_with_its_threshold(name):
    clean = soft_pictures(8, 64)
    hidden = Scaling(KERNELS[1])(clean, soft_pictures(8, 8, seed=1))
    detector = ScalingDetector(KERNELS[1], (8, 8), name).fit(split_of(clean), split_of(hidden))
    tables = [scaling_scores(images, KERNELS[1], (8, 8)) for images in (clean, hidden)]
    assert np.array_equal(detector.score(split_of(hidden)), tables[1][name])
    assert detector.threshold == pytest.approx(fit_thresholds(*tables)[name])


def test_an_unknown_measure_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="unknown measure 'smell'; choose from difference"):
        ScalingDetector(KERNELS[1], (8, 8), "smell")


def test_batches_do_not_matter():
    images = soft_pictures(LARGE_IMAGES_PER_BATCH + 3, 48)
    together = scaling_scores(images, KERNELS[1], (8, 8))
    alone = scaling_scores(images[-1:], KERNELS[1], (8, 8))
    assert np.allclose(together.iloc[-1], alone.iloc[0], atol=1e-6)
    assert list(together.index) == list(range(len(images)))


@pytest.mark.parametrize(
    "one, other, cosine", [([0, 0], [0, 0], 1), ([0, 0], [1, 1], 0), ([0, 1], [0, 0], 0.5**0.5)]
)
def test_same_greys_in_closed_form(one, other, cosine):
    pair = (torch.tensor(side).view(1, 1, 1, 2).float() for side in (one, other))
    assert histogram_similarity(*pair)[0] == pytest.approx(cosine)


def test_likeness_in_closed_form():
    """Of two plain images only what SSIM makes of their means is left."""
    one, other = (torch.full((1, 1, 16, 16), value) for value in (0.4, 0.6))
    c = 0.01**2
    assert ssim(one, other)[0] == pytest.approx((2 * 0.24 + c) / (0.16 + 0.36 + c), abs=1e-5)
