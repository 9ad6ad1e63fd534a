"""Fixtures that several test modules share."""

import os

import pytest
import shared
import torch
from drawn import with_few_patients
from toy_course import write_course

import utils.run
from utils.course import __main__, plan, summary
from utils.data.phantoms import PHANTOMS


@pytest.fixture(autouse=True, scope="session")
def shared_folder(tmp_path_factory):
    """Where what all workers share lies; pytest-xdist gives each a folder below it."""
    folder = tmp_path_factory.getbasetemp()
    shared.FOLDERS.append(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)


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


@pytest.fixture
def few_patients(monkeypatch):
    """Usual draws that take a second instead of ten."""
    for name, phantom in PHANTOMS.items():
        monkeypatch.setitem(PHANTOMS, name, with_few_patients(phantom))
