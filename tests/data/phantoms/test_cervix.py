"""Cervices: the transformation zone retreats with the type."""

from dataclasses import replace

from drawn import brightness_ratio, drawn


def test_the_transformation_zone_is_red_and_retreats_with_the_type():
    split = drawn("cervix_phantom")
    green = replace(split, images=split.images[:, 1:2])
    assert (brightness_ratio(green) < 1).float().mean() > 0.9
    areas = split.masks.float().mean((1, 2))
    assert areas.min() > 0
    by_type = [areas[split.labels == k].mean() for k in range(split.classes)]
    assert by_type == sorted(by_type, reverse=True)
