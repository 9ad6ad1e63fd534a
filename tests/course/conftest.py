"""What the tests of the reading kit share."""

import pytest
from reading_samples import KIT

from utils.course.reading_kit import write_kit


@pytest.fixture
def folder(tmp_path):
    write_kit(tmp_path / "kit", **KIT)
    return tmp_path / "kit"
