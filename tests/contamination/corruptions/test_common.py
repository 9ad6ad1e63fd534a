"""Optics, storage, grey levels and text do what their names say."""

import math

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from utils.contamination.corruptions.common import (
    BiasField,
    Compression,
    Contrast,
    Defocus,
    Gamma,
    Markers,
    MotionBlur,
    Resolution,
    line_blur,
)
from utils.contamination.corruptions.planted_noise import motion_blur
from utils.data.phantoms import draw
from utils.data.split import to_float

PIXELS = to_float(draw("chest_phantom", 96, 9).images[:6])


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_blur_along_a_line_is_that_of_shifted_copies():
    direction = torch.linspace(0, math.pi, 6)
    ours, copies = line_blur(PIXELS, direction, 0.05), motion_blur(PIXELS, direction, 0.05)
    inside = (..., slice(8, -8), slice(8, -8))
    assert (ours - copies)[inside].abs().mean() < 0.005


@pytest.mark.parametrize("cycles", [3, 8])
def test_a_blur_along_stripes_leaves_them_and_across_them_multiplies_by_a_sinc(cycles):
    place = (torch.arange(96) + 0.5) / 96
    stripes = 0.5 + 0.5 * torch.cos(2 * math.pi * cycles * place).expand(2, 1, 96, 96)
    blurred = line_blur(stripes, torch.tensor([0, math.pi / 2]), 0.1) - 0.5
    middle = (slice(None), 0, 48, slice(16, -16))
    across, along = blurred[middle] / (stripes - 0.5)[middle]
    expected = float(np.sinc(0.1 * cycles))
    assert across.median().item() == pytest.approx(expected, abs=0.02)
    assert along.median().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("blur", [Defocus(strength=0.04), MotionBlur(strength=0.08)], ids=repr)
def test_an_even_surface_is_not_blurred(blur):
    assert torch.allclose(
        blur.noisy(torch.full((2, 1, 64, 64), 0.4), generator()), torch.tensor(0.4)
    )


def test_resolution_is_what_pillow_makes_of_a_small_copy():
    ours = Resolution(strength=4).noisy(PIXELS[:1], generator())[0, 0]
    image = Image.fromarray(PIXELS[0, 0].numpy())
    small = image.resize((24, 24), Image.Resampling.BILINEAR)
    theirs = cv2.resize(np.asarray(small), (96, 96), interpolation=cv2.INTER_LINEAR)
    assert np.abs(ours.numpy() - theirs).mean() < 0.003


def test_gamma_keeps_black_and_white_and_is_undone_by_its_inverse():
    ends = torch.tensor([0.0, 1.0]).expand(8, 1, 2, 2)
    assert torch.equal(Gamma(strength=0.7).noisy(ends, generator()), ends)
    changed = Gamma(strength=0.7).noisy(PIXELS, generator())
    powers = (changed.log() / PIXELS.log())[PIXELS > 0.3]
    assert {round(float(p), 3) for p in powers if p.isfinite()} == {
        round(math.exp(0.7), 3),
        round(math.exp(-0.7), 3),
    }


def test_contrast_keeps_the_mean_and_shrinks_the_spread():
    flat = Contrast(strength=1.0).noisy(PIXELS, generator())
    assert torch.allclose(flat.mean((2, 3)), PIXELS.mean((2, 3)), atol=1e-5)
    assert torch.allclose(flat.std((2, 3)), PIXELS.std((2, 3)) / math.e, rtol=1e-4)


def test_a_bias_field_is_as_strong_as_it_says():
    gain = BiasField(strength=0.9).noisy(torch.full((3, 1, 32, 32), 0.4), generator()) / 0.4
    assert gain.log().abs().amax((1, 2, 3)).tolist() == pytest.approx([0.9] * 3, rel=1e-4)


def test_letters_brighten_and_leave_the_rest_alone():
    written = Markers(strength=0.1).noisy(PIXELS, generator())
    touched = (written != PIXELS).float().mean((1, 2, 3))
    assert (touched > 0.005).all() and (touched < 0.4).all()
    assert written.max() <= max(0.951, float(PIXELS.max()))
    assert len({tuple(image.flatten().tolist()) for image in written - PIXELS}) == len(PIXELS)


def test_compression_rounds_its_quality():
    same = Compression(strength=20.2), Compression(strength=19.9)
    assert torch.equal(*(each.noisy(PIXELS, generator()) for each in same))
