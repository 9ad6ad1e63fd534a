"""PSNR and SSIM on closed forms, and against images in the wrong range."""

import numpy as np
import pytest

from utils.evaluation.image_similarity import psnr, ssim

PLAIN = np.full((3, 1, 16, 16), 0.5)


@pytest.mark.parametrize("level", [1, 4, 25.5])
def test_psnr_of_a_constant_change_is_its_closed_form(level):
    assert np.allclose(psnr(PLAIN, PLAIN + level / 255), 20 * np.log10(255 / level))


def test_ssim_of_two_plain_pictures_is_its_closed_form():
    other, floor = 0.6, 0.01**2
    expected = (2 * 0.5 * other + floor) / (0.5**2 + other**2 + floor)
    assert np.allclose(ssim(PLAIN, np.full_like(PLAIN, other)), expected)


def test_equal_pictures_are_as_alike_as_can_be():
    assert (psnr(PLAIN, PLAIN) == np.inf).all() and np.allclose(ssim(PLAIN, PLAIN), 1)


def test_more_noise_is_less_alike():
    noise = np.random.default_rng(0).standard_normal(PLAIN.shape)
    noisy = [(PLAIN + size * noise).clip(0, 1) for size in (0.01, 0.05, 0.1)]
    for alike in (psnr, ssim):
        found = [alike(PLAIN, image).mean() for image in noisy]
        assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("alike", [psnr, ssim])
def test_grey_levels_from_0_to_255_are_refused(alike):
    with pytest.raises(ValueError, match="to_float"):
        alike(255 * PLAIN, PLAIN)
