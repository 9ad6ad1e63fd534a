"""A study of a small set, whose networks have learned in a second."""

import pytest
from toy_study import REAL, SIZE, network, pictures

from utils.course.real.networks import Study
from utils.course.real.sets import Parts
from utils.data.split import Splits


@pytest.fixture(scope="session")
def parts() -> Parts:
    files = Splits(pictures(60, 1), pictures(30, 2), pictures(36, 3))
    return Parts.of(files, SIZE)


@pytest.fixture(scope="session")
def study(parts, tmp_path_factory) -> Study:
    """Three trainings; the hardened ones are those of other seeds."""
    study = Study(REAL, parts, tmp_path_factory.mktemp("study"))
    for name, first in (("standard", 0), ("hardened", 3)):
        vars(study)[name] = [network(parts.small.train, first + k) for k in range(3)]
    return study
