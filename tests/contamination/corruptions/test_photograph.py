"""Sensor, colour, reflections and stain."""

import pytest
import torch

from utils.contamination.corruptions.photograph import (
    LINEAR,
    SensorNoise,
    SpecularSpots,
    Stain,
    WhiteBalance,
)

GREY = torch.full((12, 3, 48, 48), 0.5)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_sensor_counts_light_and_not_grey_levels():
    photons = 2000
    light = SensorNoise(strength=photons).noisy(GREY, generator()) ** LINEAR * photons
    expected = photons * 0.5**LINEAR
    assert light.mean().item() == pytest.approx(expected, rel=0.01)
    assert light.var().item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("family", [WhiteBalance, Stain])
def test_colours_move_and_their_mean_stays(family):
    changed = family(strength=0.3).noisy(GREY, generator())
    gains = changed / GREY if family is WhiteBalance else changed.log() / GREY.log()
    assert torch.allclose(gains.log().sum(1), torch.zeros(12, 48, 48), atol=1e-4)
    assert gains.log().norm(dim=1).mean().item() == pytest.approx(0.3, rel=1e-3)
    assert len(changed[:, :, 0, 0].unique(dim=0)) == 12


@pytest.mark.parametrize("family", [WhiteBalance, Stain])
def test_a_grey_image_has_no_colour_to_change(family):
    with pytest.raises(ValueError, match="images of 1 channel have no colour"):
        family(strength=0.3).noisy(GREY[:, :1], generator())


def test_reflections_are_white_spots_of_all_channels():
    spotted = SpecularSpots(strength=0.02).noisy(GREY, generator())
    assert torch.allclose(spotted[:, 0], spotted[:, 1])
    assert (spotted >= GREY - 1e-6).all() and spotted.max() > 0.97
    assert (spotted < 0.51).float().mean() > 0.7
