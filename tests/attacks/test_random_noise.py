"""Controls have the size that they name, and ignore the model."""

import pytest
import torch

from utils.attacks.black_box.square import Square
from utils.attacks.pgd import PGD
from utils.attacks.random_noise import (
    RandomDirection,
    RandomGaussian,
    RandomSigns,
    RandomUniform,
    noise_of,
)
from utils.attacks.regions import RandomRows

GREY = torch.full((4, 3, 32, 32), 0.5)
SPREAD = {
    RandomUniform: 0.2 / 12**0.5,
    RandomGaussian: 0.1,
}  # width over root 12


@pytest.mark.parametrize("noise", SPREAD)
def test_has_the_size_it_names_and_no_direction(noise):
    change = noise(0.1)(None, GREY, None) - GREY
    assert change.std().item() == pytest.approx(SPREAD[noise], rel=0.03)
    assert abs(change.mean()) < 0.005 and not torch.equal(change[0], change[1])


@pytest.mark.parametrize("noise", SPREAD)
def test_stays_within_the_pixel_range(noise):
    shown = noise(0.5)(None, torch.rand_like(GREY), None)
    assert shown.min() == 0 and shown.max() == 1


def test_uniform_noise_is_a_point_in_the_attackers_box():
    assert (RandomUniform(0.1)(None, GREY, None) - GREY).abs().max() <= 0.1 + 1e-6


def test_the_control_moves_every_pixel_by_epsilon():
    images, labels = torch.full((4, 1, 8, 8), 0.5), torch.zeros(4)
    change = RandomSigns(0.1)(None, images, labels) - images
    assert torch.allclose(change.abs(), torch.tensor(0.1)) and abs(change.mean()) < 0.03


def test_the_control_of_a_region_moves_its_pixels_alone():
    images = torch.full((4, 1, 8, 8), 0.5)
    change = RandomSigns(0.1, region=RandomRows(2))(None, images, torch.zeros(4)) - images
    moved = (change != 0).float().mean(3)[:, 0]
    assert (moved.sum(1) == 2).all() and ((moved == 0) | (moved == 1)).all()


def test_the_l2_control_has_the_length_it_names():
    change = RandomDirection(0.3)(None, GREY, None) - GREY
    assert change.flatten(1).norm(dim=1).numpy() == pytest.approx(0.3, rel=1e-4)
    assert abs(change.mean()) < 0.005


def test_the_control_of_an_attack_has_its_norm():
    assert noise_of(PGD(0.1), 0.2) == noise_of(Square(0.1), 0.2) == RandomSigns(0.2)
    assert noise_of(PGD(0.1, norm="l2"), 0.2) == RandomDirection(0.2)
