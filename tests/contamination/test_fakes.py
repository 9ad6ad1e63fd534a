"""Fakes: in place of images of their class, and recorded as fakes."""

from dataclasses import replace

import pytest
import torch
from small import small_split

from utils.contamination.base import KINDS, contaminate
from utils.contamination.fakes import Fakes, generate
from utils.contamination.generators.gan import Generator


def test_the_random_numbers_decide_what_is_drawn():
    generator, labels = Generator(3, 32, 1, width=4, latent=8).eval(), torch.tensor([0, 0, 2])
    one, again, other = (
        generate(generator, labels, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert one.shape == (3, 1, 32, 32) and one.dtype == torch.uint8
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_images_are_replaced_by_fakes_of_their_class():
    split, generator = small_split(48, 32), Generator(3, 32, 1, width=4, latent=8).eval()
    after, manifest = contaminate(split, Fakes(generator=generator, rate=0.25))
    hit = after.changed == KINDS.index("fake")
    assert hit.sum() == len(manifest) == 12 and torch.equal(after.labels, split.labels)
    assert torch.equal(after.images[~hit], split.images[~hit])
    assert Fakes(generator=generator)(split.with_depth(16)).depth == 16
    masks = torch.ones(48, 32, 32, dtype=torch.bool)
    after = Fakes(generator=generator, rate=0.25)(replace(split, masks=masks))
    assert not after.masks[hit].any() and after.masks[~hit].all()
    with pytest.raises(ValueError, match="has learned 3 classes, the images have 4"):
        Fakes(generator=generator)(replace(split, class_names=(*split.class_names, "more")))
    small = replace(split, images=split.images[:, :, :16, :16])
    with pytest.raises(ValueError, match="cannot stand for images of"):
        Fakes(generator=generator)(small)
