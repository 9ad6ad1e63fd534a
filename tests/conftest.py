"""Fixtures that several test modules share."""

import pytest

import utils.run


@pytest.fixture
def assets(tmp_path, monkeypatch):
    monkeypatch.setattr(utils.run, "ROOT", tmp_path)
    return tmp_path / "assets"
