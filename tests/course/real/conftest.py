"""A study of a small set, whose networks have learned in a second."""

import pytest
from toy_study import REAL, SIZE, network, pictures

from utils.course.real import attacks, dementia
from utils.course.real.networks import Study
from utils.course.real.sets import Parts
from utils.data.split import Splits


@pytest.fixture(scope="session")
def parts() -> Parts:
    files = Splits(pictures(60, 1), pictures(30, 2), pictures(36, 3))
    return Parts.of(files, SIZE)


@pytest.fixture(scope="session")
def study(parts, tmp_path_factory) -> Study:
    """Two trainings; the narrow and the hardened ones are those of other seeds."""
    study = Study(REAL, parts, tmp_path_factory.mktemp("study"))
    for name, first in (("standard", 0), ("hardened", 2), ("narrow", 4)):
        vars(study)[name] = [network(parts.small.train, first + k) for k in range(2)]
    return study


@pytest.fixture(scope="session", autouse=True)
def small_steps():
    """Attacks that take a second."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"STEPS": 4, "QUERIES": 5, "MORE_QUERIES": 10, "CHECKED": 4}.items():
            patch.setattr(attacks, name, value)
        for name, value in {"STEPS": 3, "SLICES": 1, "PARTITIONS": 2, "COINS": 2}.items():
            patch.setattr(dementia, name, value)
        yield
