"""Percentiles from counts are those of numpy."""

import numpy as np
import pytest

from utils.audit.pixels.grey_levels import percentiles

PERCENTS = [0, 0.05, 5, 50, 99, 99.95, 100]


@pytest.mark.parametrize("pixels", [1, 2, 31, 4096])
@pytest.mark.parametrize("highest", [1, 9, 256])
def test_percentiles_are_those_of_sorted_pixels(pixels, highest):
    levels = np.random.default_rng(pixels).integers(0, highest, pixels)
    found = percentiles(np.bincount(levels, minlength=256), PERCENTS)
    assert np.allclose(found, np.percentile(levels, PERCENTS), atol=1e-9)
