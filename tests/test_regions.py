"""An attack that is kept inside a region changes nothing else, and chooses its region well."""

from dataclasses import replace

import pytest
import torch
from small import small_split, trained_network
from torch import nn

from utils.contamination.attacks import PGD, fgsm
from utils.contamination.regions import StrongestPatch, StrongestRows
from utils.splits import as_pixels

REGIONS = [StrongestPatch(4), StrongestPatch(5), StrongestRows(3)]
ATTACKS = [fgsm(0.1), PGD(0.1, 5), PGD(1.0, 5, norm="l2", stop_when_fooled=True)]
SPLIT = small_split(12)
IMAGES, LABELS = as_pixels(SPLIT.images), SPLIT.labels


@pytest.mark.parametrize("where", REGIONS, ids=repr)
@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_nothing_changes_outside_the_region(attack, where):
    model = trained_network()
    mask = where(model, IMAGES, LABELS)
    change = replace(attack, where=where)(model, IMAGES, LABELS) - IMAGES
    assert mask.shape == IMAGES.shape and 0 < mask.mean() < 0.25
    assert not change[mask.expand_as(change) == 0].any() and change.any()
    length = change.flatten(1).norm(dim=1) if attack.norm == "l2" else change.abs()
    assert length.max() <= attack.epsilon + 1e-6


def test_the_size_of_a_region_is_as_asked():
    model = trained_network()
    assert (StrongestPatch(4)(model, IMAGES, LABELS).sum((1, 2, 3)) == 16).all()
    assert (StrongestRows(3)(model, IMAGES, LABELS).sum((1, 2, 3)) == 3 * 16).all()
    assert (StrongestRows(99)(model, IMAGES, LABELS) == 1).all()


class OnePlace(nn.Module):
    """Its answer is the brightness of one patch."""

    def forward(self, images):
        seen = images[:, 0, 8:12, 4:8].mean((1, 2))
        return torch.stack([seen, -seen], 1)


def test_the_region_is_where_the_model_looks():
    labels = torch.zeros(3, dtype=torch.long)
    patch = StrongestPatch(4)(OnePlace(), IMAGES[:3], labels)
    assert (patch[:, 0, 8:12, 4:8] == 1).all() and patch.sum() == 3 * 16
    rows = StrongestRows(4)(OnePlace(), IMAGES[:3], labels)
    assert (rows[:, 0, 8:12] == 1).all() and rows.sum() == 3 * 4 * 16
