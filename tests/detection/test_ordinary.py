"""Ordinary changes: each does what its name says, and none moves a label."""

import pytest
import torch
from small import split_of, unrelated

from utils.detection.ordinary import Halftone, Sharpened, ordinary_changes

CHANGES = ordinary_changes()


@pytest.mark.parametrize("name", CHANGES)
def test_images_change_and_labels_stay(name):
    before = split_of(unrelated(3, 128))
    after = CHANGES[name](before)
    assert torch.equal(after.labels, before.labels) and after.images.dtype == torch.uint8
    assert (after.images != before.images).flatten(1).any(1).all()


def test_a_stronger_enhancement_steepens_an_edge_further():
    step = torch.full((1, 1, 64, 64), 0.4)
    step[..., 32:] = 0.6
    heights = [
        float(Sharpened(severity=severity).noisy(step, None).diff(dim=3).max())
        for severity in (1, 3, 5)
    ]
    assert heights == sorted(heights) and heights[0] > 0.2


@pytest.mark.parametrize("grey", [0.1, 0.5, 0.8])
def test_a_halftone_is_black_and_white_and_keeps_the_mean(grey):
    printed = Halftone(severity=5).noisy(torch.full((1, 1, 128, 128), grey), None)
    assert set(printed.unique().tolist()) <= {0.0, 1.0}
    dots = printed.mean()
    assert (grey < 0.5) == (dots < 0.5) or grey == 0.5
    assert abs(float(dots) - grey) < 0.12
