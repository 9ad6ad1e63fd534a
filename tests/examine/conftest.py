"""A small network that knows three kinds of images, and images of other patients."""

import pandas as pd
import pytest
from small import small_split, trained_network

from utils.examine import examine
from utils.examine.adapter import Expects, adapt
from utils.examine.subject import Subject


@pytest.fixture(scope="session")
def images():
    return small_split(240, seed=7)


@pytest.fixture(scope="session")
def network():
    return trained_network().eval()


@pytest.fixture
def subject(images, network):
    return Subject(adapt(network, images, Expects()), images, attacked=30)


@pytest.fixture(scope="session")
def whole_report(images, network):
    """The answers to all questions, with groups of images and without the training images."""
    columns = pd.DataFrame({"site": ["A", "B"] * (len(images) // 2)})
    return examine(network, images, columns=columns, attacked=24, minutes=600)
