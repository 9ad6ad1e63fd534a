"""Regions, windows around them and soft edges: exact where they can be counted."""

from dataclasses import replace

import pytest
import torch
from spots import SPOT, spotted_split

from utils.contamination.inpainting_regions import (
    corners,
    cut,
    feather,
    holes,
    paste,
    shapes_of,
    window_side,
)

SPLIT = spotted_split()
SHAPES = shapes_of(SPLIT, SPOT)


def test_a_finding_lies_wholly_inside_its_region_and_the_healthy_get_the_shape_of_another():
    regions = holes(SPLIT, SHAPES, torch.Generator().manual_seed(0))
    assert not (SPLIT.masks & ~regions).any()
    assert (regions[SPLIT.labels == SPOT].sum((1, 2)) > SPLIT.masks.sum((1, 2)).max()).all()
    known = {shape.numpy().tobytes() for shape in SHAPES}
    assert all(region.numpy().tobytes() in known for region in regions)


@pytest.mark.parametrize("size", [32, 40, 48, 64, 100, 224])
def test_without_masks_the_regions_take_a_third_of_both_lungs_and_fit(size):
    shapes = shapes_of(replace(spotted_split(6, size), masks=None), SPOT)
    assert len(shapes) > 100 and torch.equal(shapes, shapes.flip(2))
    assert (shapes.float().mean((1, 2)) > 0.06).all()
    assert (corners(shapes, window_side(size)) >= 0).all()


def test_a_window_is_cut_and_pasted_where_it_was():
    images = torch.rand(len(SHAPES), 3, 32, 32)
    where = corners(SHAPES, 24)
    windows = cut(images, where, 24)
    assert torch.equal(paste(images, windows, where), images)
    assert cut(SHAPES[:, None], where, 24).sum() == SHAPES.sum()


def test_a_filling_fades_in_inside_its_region():
    regions = torch.zeros(1, 16, 16, dtype=torch.bool)
    regions[:, 3:13, 3:13] = True
    filled = feather(torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16), regions)[0, 0]
    assert filled[8].tolist() == pytest.approx(
        [0] * 3 + [1 / 3, 2 / 3] + [1] * 6 + [2 / 3, 1 / 3] + [0] * 3
    )
