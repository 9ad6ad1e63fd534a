"""The strokes that every phantom is drawn with."""

import math
from random import Random

import pytest
import torch

from utils.data.phantoms.drawing import (
    capsule,
    chord,
    cover,
    edge_of,
    ellipse,
    grain,
    jitter,
    place,
    stamp,
    waves,
)

STILL = torch.zeros(1, 1, 1)


def grid(size: int = 200, angle: float = 0.0, zoom: float = 1.0):
    return place(size, (STILL, STILL), STILL + angle, STILL + zoom)


@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_an_ellipse_covers_its_area(angle):
    inside = cover(ellipse(*grid(), (0.1, -0.2), (0.5, 0.3), angle), 0.002)
    assert 4 * inside.mean().item() == pytest.approx(math.pi * 0.5 * 0.3, rel=0.01)


def test_a_capsule_covers_a_rectangle_and_two_half_circles():
    inside = cover(capsule(*grid(), (-0.4, 0.0), (0.4, 0.0), 0.1), 0.002)
    expected = 0.8 * 0.2 + math.pi * 0.1**2
    assert 4 * inside.mean().item() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_the_chords_of_an_ellipsoid_fill_two_thirds_of_its_box(angle):
    """One axis is 1 long: the volume over the depth is 2/3 of the area of the ellipse."""
    ways = chord(*grid(), (0.1, -0.2), (0.5, 0.3), angle)
    assert ways.max() <= 1 and 4 * ways.mean().item() == pytest.approx(math.pi * 0.1, rel=0.01)


def test_letters_cover_the_same_share_at_every_size():
    small, large = (stamp("AP", height) for height in (6, 60))
    assert small.shape[0] == 6 and large.shape[0] == 60
    assert small.min() >= 0 and large.max() == pytest.approx(1, abs=0.02)
    assert small.mean().item() == pytest.approx(large.mean().item(), rel=0.1)


def test_zoom_magnifies_and_a_full_turn_changes_nothing():
    small, large = (
        cover(ellipse(*grid(zoom=zoom), (0, 0), (0.2, 0.2)), 0.002).mean() for zoom in (1, 2)
    )
    assert (large / small).item() == pytest.approx(4, rel=0.02)
    for turned, plain in zip(grid(angle=2 * math.pi), grid(), strict=True):
        assert torch.allclose(turned, plain, atol=1e-5)


def test_cover_is_one_inside_half_at_the_edge_and_zero_outside():
    assert cover(torch.tensor([-1.0, 0.0, 1.0]), 0.01).tolist() == pytest.approx([1, 0.5, 0])


@pytest.mark.parametrize(("size", "edge"), [(32, 0.025), (64, 0.0125), (768, 0.008)])
def test_an_edge_is_about_a_pixel_and_never_too_sharp(size, edge):
    assert edge_of(size) == pytest.approx(edge)


def test_waves_and_grain_have_mean_zero_and_variance_one():
    many = torch.stack([waves(*grid(64), Random(seed), 0.3) for seed in range(40)])
    assert abs(many.mean()) < 0.05 and 0.8 < many.var() < 1.2
    noise = grain((200, 200), Random(0))
    assert abs(noise.mean()) < 0.02 and 0.97 < noise.var() < 1.03


def test_views_of_one_patient_differ_less_than_patients():
    views = [jitter(32, 4, Random(seed))[0] for seed in range(20)]
    within = torch.stack([x.std(0).mean() for x in views]).mean()
    between = torch.stack([x[0] for x in views]).std(0).mean()
    assert 0 < within < between / 3


def test_visits_of_one_patient_differ_as_much_as_patients():
    views = [jitter(32, 4, Random(seed), visit=1.2)[0] for seed in range(20)]
    within = torch.stack([x.std(0).mean() for x in views]).mean()
    between = torch.stack([x[0] for x in views]).std(0).mean()
    assert 0.5 * between < within < 1.5 * between
