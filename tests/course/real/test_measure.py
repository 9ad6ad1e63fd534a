"""The record of a set: resumable, and honest about a failure."""

import json

import pytest

import utils.course.real.measure
from utils.course.real.measure import steps_of, take_steps
from utils.course.real.steps import SECONDS


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(utils.course.real.measure, "ROOT", tmp_path)
    return tmp_path


def measures(learned: bool = True, killed: bool = False) -> dict:
    def second() -> dict:
        if killed:
            raise KeyboardInterrupt
        return {"scores": {"x": 2}}

    return {"clean": lambda: {"scores": {"x": 1}, "learned": learned}, "second": second}


def test_a_kill_costs_one_step_and_leaves_the_record_of_the_others(home):
    with pytest.raises(KeyboardInterrupt):
        take_steps("toy", {"name": "toy"}, measures(killed=True), home / "steps")
    record = home / "assets/toy/real/results.json"
    assert list(json.loads(record.read_text())["steps"]) == ["clean"]
    taken = {}
    take_steps("toy", {"name": "toy"}, measures(), home / "steps", report=taken.__setitem__)
    found = json.loads(record.read_text())
    assert list(found["steps"]) == ["clean", "second"] == list(taken)
    assert not found["failed"] and found[SECONDS] >= 0


def test_after_a_network_that_learned_nothing_no_step_follows(home):
    record = take_steps("toy", {}, measures(learned=False), home / "steps")
    found = json.loads(record.read_text())
    assert found["failed"] and list(found["steps"]) == ["clean"]


def test_single_steps_join_the_record(home):
    for only in (["second"], ["clean"]):
        record = take_steps("toy", {}, measures(), home / "steps", only)
    assert list(json.loads(record.read_text())["steps"]) == ["clean", "second"]


def test_sets_with_large_files_hide_pictures(study):
    steps = list(steps_of(study))
    assert steps[:2] == ["training", "clean"] and "hidden pictures" in steps
    assert "kinds of files" not in steps
