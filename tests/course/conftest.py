"""What the tests of the course share: a toy course, a written reading kit."""

import pytest
from reading_samples import KIT
from toy_course import write_course

from utils.course import __main__, plan, summary
from utils.course.reading_kit import write_kit


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A course of four notebooks that do nearly nothing."""
    write_course(tmp_path)
    for module in (__main__, plan, summary):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def folder(tmp_path):
    write_kit(tmp_path / "kit", **KIT)
    return tmp_path / "kit"
