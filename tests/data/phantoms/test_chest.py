"""Chests: findings lie in the lungs of patients with a disease, and are shadows."""

import pytest
from drawn import brightness_ratio, drawn


@pytest.mark.parametrize("name", ["chest_phantom", "findings_phantom"])
def test_only_diseased_lungs_have_a_finding_and_it_is_a_shadow(name):
    split = drawn(name)
    normal = split.labels == split.class_names.index("normal")
    areas = split.masks.float().mean((1, 2))
    assert areas[normal].max() == 0
    assert areas[~normal].min() > 0.001 and areas[~normal].max() < 0.5
    assert brightness_ratio(split.take(~normal)).median() > 1


def test_a_finding_lies_in_the_lungs_and_hardly_ever_at_the_edge_of_the_film():
    masks = drawn("findings_phantom").masks
    inside = masks.clone()
    inside[:, :4], inside[:, -4:], inside[:, :, :2], inside[:, :, -2:] = False, False, False, False
    assert (masks & ~inside).sum() < 0.001 * masks.sum()
    rows = masks.any(2).float().mean(0)  # share of images with a finding in each row
    assert rows[20:40].min() > 0.05
