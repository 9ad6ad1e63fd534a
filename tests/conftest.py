"""Fixtures that several test modules share."""

import pytest
import torch
from toy_course import write_course

import utils.run
from utils.course import __main__, plan, summary


@pytest.fixture(autouse=True)
def same_networks():
    """A network that a test makes is the same whichever tests ran before in its process."""
    torch.manual_seed(0)


@pytest.fixture
def assets(tmp_path, monkeypatch):
    monkeypatch.setattr(utils.run, "ROOT", tmp_path)
    return tmp_path / "assets"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A course of four notebooks that do nearly nothing."""
    write_course(tmp_path)
    for module in (__main__, plan, summary):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path
