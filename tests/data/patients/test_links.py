"""Distances between images against least squares, and links against brute force."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small import soft_pictures

from utils.data.duplicates import small_grey
from utils.data.patients.links import NEIGHBOURS, normalised, patient_links, tangent_distances


def test_what_is_smoothed_is_a_gaussian_window_whose_border_goes_on():
    images = soft_pictures(4, 64)
    reach = torch.arange(-2, 3) / 0.7
    kernel = torch.exp(-reach.square() / 2)
    kernel = torch.outer(kernel, kernel) / kernel.sum() ** 2
    padded = F.pad(small_grey(images).view(-1, 1, 32, 32), (2,) * 4, mode="replicate")
    smooth = F.conv2d(padded, kernel[None, None]).flatten(1).numpy()
    expected = (smooth - smooth.mean(1, keepdims=True)) / smooth.std(1, ddof=1, keepdims=True)
    assert np.allclose(normalised(images.numpy()), expected, atol=1e-4)


@pytest.mark.parametrize("level", [0, 90])
def test_an_image_of_one_level_gives_numbers(level):
    assert np.isfinite(normalised(np.full((2, 1, 64, 64), level, np.uint8))).all()


def test_what_a_motion_explains_is_what_least_squares_explain():
    pictures = normalised(soft_pictures(6, 64).numpy()).astype(float)
    others = pictures[[1, 2]]
    grid = pictures[0].reshape(32, 32)
    down, right = np.gradient(grid)
    y, x = np.meshgrid(*[np.linspace(-1, 1, 32)] * 2, indexing="ij")
    moved = [right, down, x * down - y * right, x * right + y * down, np.ones((32, 32)), grid]
    motions = np.stack([each.ravel() for each in moved], 1)
    left = np.linalg.lstsq(motions, (others - pictures[0]).T, rcond=None)[1]
    found = tangent_distances(pictures[:1], others[None])[0]
    assert np.allclose(found, np.sqrt(left / 1024), atol=1e-6)


def test_links_are_those_of_brute_force_and_of_arrays_and_tensors():
    images = soft_pictures(140, 32)
    found = patient_links(images)
    pictures = normalised(images.numpy())
    apart = np.square(pictures[:, None] - pictures[None]).mean(2)
    nearest = np.argsort(apart, axis=1)[:, : NEIGHBOURS + 1]
    assert found.neighbours.shape == found.ratios.shape == nearest.shape
    assert all(map(np.array_equal, np.sort(found.neighbours), np.sort(nearest)))
    own = found.neighbours == np.arange(140)[:, None]
    assert np.isinf(found.ratios[own]).all() and np.isfinite(found.ratios[~own]).all()
    assert np.array_equal(patient_links(images.numpy()).ratios, found.ratios)
