"""The inpainting networks take every size, and the generator does not see what it paints over."""

from dataclasses import replace

import pytest
import torch
from spots import SPOT, spotted_split, untrained_generator

from utils.contamination.inpainting_networks import InpaintingGenerator, PatchDiscriminator
from utils.contamination.inpainting_regions import corners, cut, halvings, shapes_of, window_side


@pytest.mark.parametrize("size", [32, 40, 48, 64, 100, 224])
@pytest.mark.parametrize("channels", [1, 3])
def test_sizes_and_colours(size, channels):
    images, shapes = (
        torch.rand(2, channels, size, size),
        shapes_of(replace(spotted_split(6, size), masks=None), SPOT),
    )
    wanted, numbers = torch.tensor([True, False]), torch.Generator().manual_seed(0)
    filled = InpaintingGenerator(channels, 4, halvings(size)).fill(
        images, shapes[:2], wanted, numbers
    )
    assert filled.shape == images.shape and filled.min() >= 0 and filled.max() <= 1
    side = window_side(size)
    windows = torch.rand(2, channels, side, side)
    gaps = cut(shapes[:2, None], corners(shapes[:2], side), side)[:, 0]
    assert len(PatchDiscriminator(channels, width=4)(windows, gaps, wanted)) == 2


def test_a_generator_does_not_see_what_it_paints_over_and_follows_what_is_wanted():
    image, generator, outcome = torch.rand(1, 1, 32, 32), untrained_generator(), {}
    regions = torch.zeros(1, 32, 32, dtype=torch.bool)
    regions[:, 8:18, 8:20] = True  # over the middle: its mirror image shows part of it
    other = torch.where(regions[:, None], 1 - image, image)
    for name, shown, wanted in (("a", image, True), ("b", other, True), ("c", image, False)):
        asked = torch.tensor([wanted]), torch.Generator().manual_seed(0)
        outcome[name] = generator.fill(shown, regions, *asked)[0, 0][regions[0]]
    assert torch.equal(outcome["a"], outcome["b"]) and not torch.equal(outcome["a"], outcome["c"])
