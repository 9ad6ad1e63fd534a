"""Percentiles from counts are those of numpy."""

import numpy as np
import pytest

from utils.audit.grey_levels import percentile


@pytest.mark.parametrize("percent", [0, 0.05, 5, 50, 99, 99.95, 100])
@pytest.mark.parametrize("pixels", [1, 2, 31, 4096])
def test_percentiles_are_those_of_sorted_pixels(percent, pixels):
    for highest in (1, 9, 256):
        levels = np.random.default_rng(pixels).integers(0, highest, pixels)
        found = percentile(np.bincount(levels, minlength=256), percent)
        assert np.isclose(found, np.percentile(levels, percent), atol=1e-9)
