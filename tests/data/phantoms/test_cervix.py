"""Cervices: the transformation zone retreats with the type."""

from dataclasses import replace
from random import Random

import pytest
import torch
from drawn import brightness_ratio, drawn

from utils.data.phantoms.cervix import COLPOSCOPES, TYPES, colposcope, draw_patient


def test_the_transformation_zone_is_red_and_retreats_with_the_type():
    split = drawn("cervix_phantom")
    green = replace(split, images=split.images[:, 1:2])
    assert (brightness_ratio(green) < 1).float().mean() > 0.9
    areas = split.masks.float().mean((1, 2))
    assert areas.min() > 0
    by_type = [areas[split.labels == k].mean() for k in range(split.classes)]
    assert by_type == sorted(by_type, reverse=True)


def seed_with(holds) -> int:
    """A patient photographed by a colposcope of which this holds."""
    devices = ((seed, colposcope(Random(seed).randrange(COLPOSCOPES))) for seed in range(200))
    return next(seed for seed, device in devices if holds(device))


def test_colposcopes_differ_and_each_has_one_style():
    devices = {colposcope(number) for number in range(COLPOSCOPES)}
    assert len(devices) == COLPOSCOPES and colposcope(3) is colposcope(3)


@pytest.mark.parametrize("stopped", [True, False])
def test_corners_are_black_where_the_colposcope_has_a_round_stop(stopped):
    seed = seed_with(lambda device: (device.stop < 2) == stopped)
    corners = draw_patient(TYPES["type_2"], 64, 4, Random(seed))[0][:, :, :2, :2]
    assert (corners.mean((1, 2, 3)) < 0.06).all() == stopped


@pytest.mark.parametrize("dated", [True, False])
def test_some_colposcopes_print_the_date_below_and_it_changes(dated):
    seed = seed_with(lambda device: device.dated == dated and device.stop > 2)
    images = draw_patient(TYPES["type_2"], 256, 4, Random(seed))[0]
    white = (images[:, :, -17:-1, 1:30] > 0.9).all(1)
    assert (white.float().mean((1, 2)) > 0.05).all() == dated
    assert torch.equal(white[0], white[1]) != dated
