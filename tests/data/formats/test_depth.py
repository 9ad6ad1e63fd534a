"""8 and 16 bits mean the same shares of white."""

import pytest
import torch

from utils.data.formats.depth import DTYPES, grey_levels, in_depth, resized, to_float, to_levels

ALL = {8: torch.arange(256, dtype=torch.uint8), 16: torch.arange(65536).to(torch.uint16)}


@pytest.mark.parametrize("depth", DTYPES)
def test_numbers_and_levels_are_the_same_to_and_fro(depth):
    levels = ALL[depth]
    pixels = to_float(levels)
    assert (pixels[0], pixels[-1]) == (0, 1) and torch.equal(to_levels(pixels, depth), levels)


def test_eight_bits_survive_sixteen():
    assert torch.equal(in_depth(in_depth(ALL[8], 16), 8), ALL[8])
    assert in_depth(ALL[8], 16).tolist() == [257 * level for level in range(256)]
    assert in_depth(ALL[16], 16) is ALL[16]


def test_grey_levels_are_those_of_eight_bits():
    assert torch.equal(grey_levels(ALL[8]), ALL[8].float())
    assert grey_levels(ALL[16])[[0, 257, 65535]].tolist() == [0, 1, 255]


@pytest.mark.parametrize("size", [4, 16, 32])
def test_deep_images_are_resized_as_finely_as_their_levels(size):
    shallow = torch.randint(0, 256, (3, 1, 16, 16), generator=torch.Generator().manual_seed(0))
    shallow = shallow.to(torch.uint8)
    deep = resized(in_depth(shallow, 16), size)
    assert deep.dtype == torch.uint16 and deep.shape == (3, 1, size, size)
    assert (grey_levels(deep) - resized(shallow, size).float()).abs().max() <= 1.01
