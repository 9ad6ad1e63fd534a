"""Two patients in one image: of the same class, never the same patient."""

from dataclasses import replace

import pytest
import torch
from small import small_split

from utils.contamination.base import KINDS
from utils.contamination.composites import Mixture, Splice, partners
from utils.data.split import to_float

EVERY = [Mixture(rate=1.0), Splice(rate=1.0)]


@pytest.mark.parametrize("seed", range(5))
def test_a_partner_is_another_patient_of_the_same_class(seed):
    split = small_split(90)
    found = partners(split, torch.Generator().manual_seed(seed))
    assert (split.labels[found] == split.labels).all()
    assert (split.groups[found] != split.groups).all()
    assert found.unique().numel() == len(split)


@pytest.mark.parametrize("fake", EVERY, ids=repr)
def test_labels_and_patients_stay_and_the_change_is_recorded(fake):
    split = small_split(48)
    after = fake(split)
    assert torch.equal(after.labels, split.labels) and torch.equal(after.groups, split.groups)
    assert (after.changed == KINDS.index("fake")).all() and after.images.dtype == torch.uint8
    assert (after.images != split.images).flatten(1).any(1).all()
    assert fake(split.with_depth(16)).depth == 16


def test_a_mixture_is_the_mean_and_a_splice_has_two_sides():
    split = small_split(48)
    other = split.images[partners_of(split)]
    mean = (to_float(split.images) + to_float(other)) / 2
    assert (to_float(Mixture(rate=1.0)(split).images) - mean).abs().max() < 1 / 255
    spliced = Splice(rate=1.0)(split).images
    assert torch.equal(spliced[..., :6], split.images[..., :6])
    assert torch.equal(spliced[..., 10:], other[..., 10:])


def partners_of(split):
    """Those that a contamination with rate 1 and seed 0 draws, in the order of the split."""
    rng = torch.Generator().manual_seed(0)
    order = torch.randperm(len(split), generator=rng)
    found = torch.empty(len(split), dtype=torch.long)
    found[order] = order[partners(split.take(order), rng)]
    return found


def test_masks_cover_what_is_left_of_both_findings():
    split = small_split(48)
    masks = torch.zeros(48, 16, 16, dtype=torch.bool)
    masks[:, 3, 3] = masks[:, 3, 12] = True
    whole = replace(split, masks=masks)
    assert torch.equal(Mixture(rate=1.0)(whole).masks, masks)
    assert torch.equal(Splice(rate=1.0)(whole).masks, masks)  # its left dot and the other's right


def test_a_class_of_one_patient_is_refused():
    split = small_split(48)
    lonely = split.take(torch.cat([torch.arange(2), torch.nonzero(split.labels == 2)[:, 0]]))
    with pytest.raises(ValueError, match="class 'dark' has 1 images, 1 of them of one patient"):
        Mixture(rate=1.0)(lonely)
