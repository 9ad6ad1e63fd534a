"""Foreign images fit the ones they stand beside, and are the same each time."""

import pytest
import torch
from small import small_split

from utils.data.phantoms import draw
from utils.data.unseen import foreign_photographs


@pytest.mark.parametrize(
    "like", [small_split(6), draw("cervix_phantom", 32, 9)], ids=["grey", "colour"]
)
def test_photographs_have_the_shape_of_the_images_beside_them(like):
    found = foreign_photographs(like, 5)
    assert found.images.shape == (5, *like.images.shape[1:]) and found.images.dtype == torch.uint8
    assert found.class_names == like.class_names
    assert found.images.flatten(1).float().std(1).min() > 5  # something is seen in each


def test_the_seed_decides_which_pieces():
    like = small_split(6)
    assert foreign_photographs(like, 4).fingerprint == foreign_photographs(like, 4).fingerprint
    assert (
        foreign_photographs(like, 4).fingerprint != foreign_photographs(like, 4, seed=1).fingerprint
    )
