"""Findings differ in side, size and brightness as their names say."""

import pytest
import torch
from drawn import brightness_ratio, drawn

ONE_SIDED = [(name, 1) for name in ("effusion", "pneumothorax", "nodule", "mass", "cavity")]
TWO_SIDED = [(name, 2) for name in ("interstitial", "oedema", "fibrosis")]


@pytest.mark.parametrize("finding", [name for name, _ in ONE_SIDED])
def test_a_shadow_is_brighter_than_what_lies_around_it_and_loose_air_darker(finding):
    split = drawn("findings_phantom")
    ratio = brightness_ratio(split.take(split.labels == split.class_names.index(finding)))
    share_brighter = (ratio > 1).float().mean()
    assert share_brighter < 0.1 if finding == "pneumothorax" else share_brighter > 0.9


def test_bacterial_findings_lie_on_one_side_and_viral_ones_on_both():
    split = drawn("chest_phantom")
    left, right = (half.float().mean((1, 2)) for half in split.masks.chunk(2, dim=2))
    balance = torch.minimum(left, right) / torch.maximum(left, right)
    bacterial, viral = (split.labels == split.class_names.index(k) for k in ("bacterial", "viral"))
    assert balance[bacterial].median() < 0.05 and balance[viral].median() > 0.4


@pytest.mark.parametrize("finding, sides", [*ONE_SIDED, *TWO_SIDED])
def test_findings_lie_on_the_sides_they_should(finding, sides):
    split = drawn("findings_phantom")
    masks = split.masks[split.labels == split.class_names.index(finding)]
    left, right = (half.float().mean((1, 2)) for half in masks.chunk(2, dim=2))
    balance = torch.minimum(left, right) / torch.maximum(left, right)
    assert balance.median() < 0.05 if sides == 1 else balance.median() > 0.4
    assert 0.2 < (left > right).float().mean() < 0.8 or sides == 2  # either may be the ill one


def test_findings_differ_in_size_as_their_names_say_and_the_last_is_rare():
    split = drawn("findings_phantom")
    areas, name = split.masks.float().mean((1, 2)), split.class_names.index
    size = {kind: areas[split.labels == name(kind)] for kind in ("nodule", "mass", "interstitial")}
    assert size["nodule"].max() < size["mass"].quantile(0.5) < size["interstitial"].min()
    assert split.counts.tolist() == sorted(split.counts.tolist(), reverse=True)
    assert split.classes == 11 and split.counts[0] == 8 * split.counts[-1]
