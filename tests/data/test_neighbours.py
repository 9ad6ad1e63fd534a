"""The search on arrays gives what brute force gives, and what the search on tensors gives."""

import numpy as np
import pytest
import torch
from small import unrelated

from utils.data.duplicates import nearest, small_grey
from utils.data.neighbours import (
    NEAR,
    ROWS,
    grey_squares,
    near_pairs,
    neighbour_distances,
    pixel_hashes,
)


@pytest.mark.parametrize("size", [32, 48, 64, 100, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_small_images_of_arrays_are_those_of_tensors(size, channels):
    images = unrelated(5, size, channels=channels)
    found, tensors = grey_squares(images.numpy()), small_grey(images).numpy()
    assert found.dtype == np.float32 and np.allclose(found, tensors, atol=1e-3)
    if size in (32, 64) and channels == 1:
        assert (found == tensors).all()


@pytest.mark.parametrize("shift", [0, 1, 2, 3])
def test_pairs_are_those_of_brute_force_across_blocks(shift):
    images = unrelated(ROWS + 40)
    images = torch.cat([images, images[ROWS - 3 : ROWS + 3] + shift])
    squares = grey_squares(images.numpy())
    apart = np.sqrt(np.square(squares[:, None] - squares[None]).mean(2))
    expected = np.argwhere(np.triu(apart <= NEAR, 1))
    assert near_pairs(squares).tolist() == expected.tolist()
    assert len(expected) == (6 if shift <= NEAR else 0)


def test_of_no_image_there_is_no_pair():
    assert near_pairs(grey_squares(unrelated(1).numpy())).shape == (0, 2)


@pytest.mark.parametrize("count", [3, ROWS + 40])
def test_the_distance_of_a_rank_is_that_of_tensors(count):
    images = unrelated(count)
    small = small_grey(images)
    found = neighbour_distances(grey_squares(images.numpy()), 5)
    assert np.allclose(found, nearest(small, small, 6)[0][:, -1], atol=1e-3)


def test_only_equal_pixels_have_equal_hashes_in_arrays_and_tensors():
    images = unrelated(4)
    images[3] = images[1]
    hashes = pixel_hashes(images.numpy())
    assert hashes[3] == hashes[1] and len(set(hashes)) == 3
    assert hashes == pixel_hashes(images)
