"""Fixtures of the command line and the runner."""

import pytest
from toy_course import write_course

from utils.course import __main__, plan, summary


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A course of four notebooks that do nearly nothing."""
    write_course(tmp_path)
    for module in (__main__, plan, summary):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path
