"""What goes wrong in k-space has the shape that physics gives it."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from utils.contamination.corruptions.mri import Ghosting, Gibbs, Rician, Spike
from utils.data.phantoms import draw
from utils.data.split import to_float

PIXELS = to_float(draw("brain_phantom", 64, 12).images[:4])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_rician_noise_is_that_of_scipy():
    drawn = Rician(strength=0.1).noisy(torch.full((4, 1, 100, 100), 0.1), generator())
    assert stats.kstest(drawn.flatten().numpy(), stats.rice(1, scale=0.1).cdf).pvalue > 0.01


def test_a_patient_that_does_not_move_has_no_ghosts():
    still = Ghosting(strength=1e-9).noisy(PIXELS, generator())
    assert torch.allclose(still, PIXELS, atol=1e-5)


def test_ghosts_are_copies_along_one_axis():
    """A bright line across the image is repeated above and below it, and not beside it."""
    dot = torch.zeros(1, 1, 64, 64)
    dot[0, 0, 32, 32] = 1
    ghosts = Ghosting(strength=0.01).noisy(dot, generator())[0, 0]
    column = ghosts[:, 32].clone()
    assert ghosts.sum() - column.sum() < 1e-3
    column[30:35] = 0
    assert column.max() > 0.05


def test_moving_adds_no_energy():
    changed = Ghosting(strength=0.02).noisy(PIXELS, generator())
    assert torch.allclose(
        changed.square().sum((1, 2, 3)), PIXELS.square().sum((1, 2, 3)), rtol=1e-3
    )


def test_gibbs_ripples_overshoot_a_step_by_nine_percent():
    step = torch.zeros(1, 1, 256, 256)
    step[..., 64:192] = 1
    rippled = Gibbs(strength=0.75).noisy(step, generator())[0, 0, 128]
    assert rippled.max().item() == pytest.approx(1.09, abs=0.02)


def test_gibbs_leaves_the_inner_lines_as_they_were():
    before, after = (np.fft.fft2(p.numpy()) for p in (PIXELS[0, 0], PIXELS[0, 0]))
    changed = Gibbs(strength=0.5).noisy(PIXELS, generator())[0, 0]
    after = np.fft.fft2(changed.numpy())
    assert np.allclose(before[:4, :4], after[:4, :4], rtol=0.05, atol=3)


def test_a_spike_is_one_plane_wave():
    even = torch.full((1, 1, 64, 64), 0.5)
    striped = Spike(strength=0.2).noisy(even, generator())
    assert striped.max().item() == pytest.approx(0.6, abs=0.01)
    assert striped.min().item() == pytest.approx(0.4, abs=0.01)
    power = np.abs(np.fft.fft2(striped[0, 0].numpy())) ** 2
    power[0, 0] = 0
    assert np.sort(power.ravel())[-2:].sum() > 0.95 * power.sum()
    assert math.isfinite(power.sum())
