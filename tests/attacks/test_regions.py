"""An attack that is kept inside a region changes nothing else, and chooses its region well."""

from dataclasses import replace

import pytest
import torch
from small import small_split, trained_network
from witnesses import OnePlace

from utils.attacks.pgd import PGD, fgsm
from utils.attacks.regions import (
    Anatomy,
    FindingRegion,
    RandomPatch,
    RandomPixels,
    RandomRows,
    StrongestPatch,
    StrongestPixels,
    StrongestRows,
)
from utils.backbones.classifier import build
from utils.data.phantoms import draw
from utils.data.split import to_float
from utils.evaluation.explanations.saliency import HottestPixels, heat_maps

REGIONS = [
    StrongestPatch(4),
    StrongestPatch(5),
    StrongestPatch(4, 3),
    StrongestPatch(4, 2, skip=1),
    RandomPatch(4, 2),
    StrongestRows(3),
    RandomRows(2),
    StrongestPixels(0.1),
    RandomPixels(0.1),
]
ATTACKS = [fgsm(0.1), PGD(0.1, 5), PGD(1.0, 5, norm="l2", stop_when_fooled=True)]
SPLIT = small_split(12)
IMAGES, LABELS = to_float(SPLIT.images), SPLIT.labels


@pytest.mark.parametrize("region", REGIONS, ids=repr)
@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_nothing_changes_outside_the_region(attack, region):
    model = trained_network()
    torch.manual_seed(0)
    mask = region(model, IMAGES, LABELS)
    torch.manual_seed(0)  # the region is drawn before anything else
    change = replace(attack, region=region)(model, IMAGES, LABELS) - IMAGES
    assert mask.shape == IMAGES.shape and 0 < mask.mean() < 0.25
    assert not change[mask.expand_as(change) == 0].any() and change.any()
    length = change.flatten(1).norm(dim=1) if attack.norm == "l2" else change.abs()
    assert length.max() <= attack.epsilon + 1e-6


def test_the_size_of_a_region_is_as_asked():
    model = trained_network()
    assert (StrongestPatch(4)(model, IMAGES, LABELS).sum((1, 2, 3)) == 16).all()
    assert (StrongestPatch(4, 3)(model, IMAGES, LABELS).sum((1, 2, 3)) == 48).all()
    assert (StrongestPatch(8, 99)(model, IMAGES, LABELS) == 1).all()
    assert (RandomPatch(4, 2)(model, IMAGES, LABELS).sum((1, 2, 3)) == 32).all()
    assert (RandomRows(3)(model, IMAGES, LABELS).sum((1, 2, 3)) == 3 * 16).all()
    assert (StrongestRows(3)(model, IMAGES, LABELS).sum((1, 2, 3)) == 3 * 16).all()
    assert (StrongestRows(99)(model, IMAGES, LABELS) == 1).all()


def test_patches_after_the_strongest_ones_share_none_with_them():
    model = trained_network()
    first, next_ones = StrongestPatch(4, 1), StrongestPatch(4, 2, skip=1)
    both = first(model, IMAGES, LABELS) + next_ones(model, IMAGES, LABELS)
    assert torch.equal(both, StrongestPatch(4, 3)(model, IMAGES, LABELS))


def test_the_region_is_where_the_model_looks():
    labels = torch.zeros(3, dtype=torch.long)
    patch = StrongestPatch(4)(OnePlace(), IMAGES[:3], labels)
    assert (patch[:, 0, 8:12, 4:8] == 1).all() and patch.sum() == 3 * 16
    rows = StrongestRows(4)(OnePlace(), IMAGES[:3], labels)
    assert (rows[:, 0, 8:12] == 1).all() and rows.sum() == 3 * 4 * 16


@pytest.mark.parametrize("control", [RandomPatch(4), RandomRows(2)], ids=repr)
def test_a_control_chooses_other_places_in_each_image(control):
    torch.manual_seed(0)
    mask = control(OnePlace(), IMAGES, LABELS)
    assert len(mask.flatten(1).unique(dim=0)) > 1


def test_pixels_are_the_strongest_ones_and_as_many_as_asked():
    labels = torch.zeros(3, dtype=torch.long)
    mask = StrongestPixels(16 / 256)(OnePlace(), IMAGES[:3], labels)
    assert (mask[:, 0, 8:12, 4:8] == 1).all() and mask.sum() == 3 * 16
    random = RandomPixels(16 / 256)(OnePlace(), IMAGES[:3], labels)
    assert random.sum() == 3 * 16 and not torch.equal(random[0], random[1])


def test_anatomy_is_what_is_not_background_and_the_finding_is_inside():
    split = draw("brain_phantom", 56, 12)
    images = to_float(split.images)
    body = Anatomy()(None, images, split.labels)
    assert 0.2 < body.mean() < 0.8 and not body[:, 0, 0, 0].any()
    finding = FindingRegion(split)(None, images, split.labels)
    assert torch.equal(finding[:, 0].bool(), split.masks)
    assert (body * finding).sum() > 0.9 * finding.sum()


def test_a_finding_is_looked_up_whatever_the_order():
    split = draw("brain_phantom", 32, 12)
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))
    found = FindingRegion(split)(None, to_float(split.images[order]), split.labels[order])
    assert torch.equal(found[:, 0].bool(), split.masks[order])


@pytest.mark.parametrize("wrong", ["no masks", "of the images are not"])
def test_a_finding_nobody_knows_is_said_to_be_unknown(wrong):
    split = draw("brain_phantom", 32, 12)
    images = to_float(split.images)
    if wrong == "no masks":
        split = replace(split, masks=None)
    else:
        images = 1 - images
    with pytest.raises(ValueError, match=wrong):
        FindingRegion(split)(None, images, split.labels)


def test_the_hottest_pixels_are_those_of_the_heat_map_of_the_true_class():
    split = draw("brain_phantom", 56, 12)
    model = build("resnet18", 4, 56)
    mask = HottestPixels(0.1)(model, to_float(split.images), split.labels)
    heat = heat_maps(model, to_float(split.images), split.labels)
    assert (mask.mean((1, 2, 3)) - 0.1).abs().max() < 1e-3
    assert (heat * mask[:, 0].numpy()).mean() > 0.1 * heat.mean()
    change = PGD(0.1, 2, region=HottestPixels(0.1))(model, to_float(split.images), split.labels)
    outside = (change - to_float(split.images)).abs() * (1 - mask)
    assert outside.max() == 0
