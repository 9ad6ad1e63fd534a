"""Training images with corruptions keep what belongs to them, each copy with one corruption."""

import pytest
import torch

from utils.contamination.corruptions.augmentation import with_corrupted_copies
from utils.contamination.corruptions.common import Contrast, Defocus
from utils.data.phantoms import draw

FILES = draw("chest_phantom", 64, 12, views=1)
FAMILIES = (Defocus(strength=0.05), Contrast(strength=1.0))


def test_the_clean_images_come_first_and_copies_follow():
    taught = with_corrupted_copies(FILES, FAMILIES, 2, 32)
    assert len(taught) == 3 * len(FILES) and taught.size == 32 and taught.changed is None
    assert torch.equal(taught.images[:12], FILES.resized(32).images)
    assert torch.equal(taught.labels, FILES.labels.repeat(3))
    assert torch.equal(taught.groups, FILES.groups.repeat(3))


def test_every_copy_is_changed_in_a_way_of_its_own():
    taught = with_corrupted_copies(FILES, FAMILIES, 2, 64).images.view(3, 12, -1)
    assert (taught[0] != taught[1]).any(1).all() and (taught[1] != taught[2]).any()
    soft = torch.stack([Defocus(strength=0.05, seed=9)(FILES).images.flatten(1)])
    assert int((taught[1] == soft).all(2).sum()) == 6  # half of them are defocused


def test_families_are_needed():
    with pytest.raises(ValueError, match="no corruption is given"):
        with_corrupted_copies(FILES, (), 1, 32)
