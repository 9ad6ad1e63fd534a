"""Photons behind a body: few of them are a noise that is largest in white."""

import math

import pytest
import torch

from utils.contamination.corruptions.film import (
    BLACK,
    OPACITY,
    Collimation,
    Exposure,
    GridLines,
    QuantumNoise,
    Scatter,
)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def flat(level: float, count: int = 4, edge: int = 100) -> torch.Tensor:
    return torch.full((count, 1, edge, edge), level)


@pytest.mark.parametrize("brightness", [0.0, 0.3, 0.6])
def test_the_spread_of_quantum_noise_is_that_of_a_logarithm_of_counts(brightness):
    photons = 5000
    shown = QuantumNoise(strength=photons).noisy(flat(brightness), generator())
    expected = 1 / (OPACITY * math.sqrt(photons * math.exp(-OPACITY * brightness)))
    assert shown.std().item() == pytest.approx(expected, rel=0.05)
    assert shown.mean().item() == pytest.approx(brightness, abs=0.003)


def test_shrinking_averages_photons():
    """A pixel that is the mean of k x k has a k-th of the noise: why noise belongs in the file."""
    noise = QuantumNoise(strength=5000).noisy(flat(0.3, edge=128), generator()) - 0.3
    small = torch.nn.functional.avg_pool2d(noise, 4)
    assert (noise.std() / small.std()).item() == pytest.approx(4, rel=0.05)


def test_no_photon_at_all_is_finite():
    assert QuantumNoise(strength=1).noisy(flat(1.0), generator()).isfinite().all()


def test_exposure_moves_all_grey_levels_alike_up_or_down():
    moved = Exposure(strength=0.2).noisy(flat(0.5, count=40), generator()) - 0.5
    assert {round(float(each), 4) for each in moved.unique()} == {-0.2, 0.2}


def test_scatter_takes_contrast_most_where_the_body_is_dense():
    step = torch.cat([flat(0.1, 1), flat(0.9, 1)], 3)
    veiled = Scatter(strength=2.0).noisy(step, generator())
    assert torch.allclose(Scatter(strength=2.0).noisy(flat(0.5), generator()), flat(0.5), atol=1e-5)
    change = (veiled - step).abs()[0, 0, 50]
    assert change[110:150].mean() > 2 * change[50:90].mean()
    assert Scatter(strength=9.0).noisy(step, generator()).std() < veiled.std() < step.std()


def test_grid_lines_are_upright_and_as_strong_as_they_say():
    lines = GridLines(strength=0.1).noisy(flat(0.5), generator()) - 0.5
    assert torch.equal(lines[:, :, 0], lines[:, :, 1])
    assert lines.std().item() == pytest.approx(0.1 / math.sqrt(2), rel=0.05)


def test_the_collimator_closes_two_opposite_sides():
    closed = Collimation(strength=0.25).noisy(flat(0.8, count=16), generator())
    assert (closed[..., 50, 50] > 0.79).all()
    rows, columns = (closed < 0.4).float().mean(2), (closed < 0.4).float().mean(3)
    dark = (closed < 0.4).float().mean((1, 2, 3))
    assert dark.tolist() == pytest.approx([0.5] * 16, abs=0.03)
    upright = (rows.amax(-1) < 0.9).flatten()
    assert 0 < upright.sum() < 16 and columns.amax() == 1
    assert closed.min() == pytest.approx(BLACK, abs=0.01)
