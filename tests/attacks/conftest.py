"""The small batch and the trained network that the tests of attacks share."""

import pytest
from small import small_split, trained_network

from utils.data.split import to_float


@pytest.fixture
def batch():
    split = small_split(30)
    return to_float(split.images), split.labels


@pytest.fixture
def model():
    return trained_network()
