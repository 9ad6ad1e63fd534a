"""Findings differ in side, size and brightness as their names say."""

from random import Random

import pytest
import torch
from drawn import drawn

from utils.data.phantoms.chest import draw_patient
from utils.data.phantoms.chest_findings import TEN_FINDINGS

ONE_SIDED = [(name, 1) for name in ("effusion", "pneumothorax", "nodule", "mass", "cavity")]
TWO_SIDED = [(name, 2) for name in ("interstitial", "oedema", "fibrosis")]


def with_and_without(finding: str, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """How much a finding changes the visits of a patient, and where it lies."""
    drawn = [draw_patient(TEN_FINDINGS[k], 64, 3, Random(seed)) for k in (finding, "normal")]
    return (drawn[0][0] - drawn[1][0])[:, 0], drawn[0][1]


@pytest.mark.parametrize("finding", [kind for kind in TEN_FINDINGS if kind != "normal"])
def test_a_finding_is_brighter_than_the_lung_it_replaces_and_loose_air_darker(finding):
    """The same body is drawn with and without it."""
    for seed in range(8):
        change, where = with_and_without(finding, seed)
        for visit, mask in zip(change, where, strict=True):
            inside = visit[mask].mean() * (-1 if finding == "pneumothorax" else 1)
            assert inside > 0.01 and inside > 3 * visit[~mask].mean().abs()


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
