"""The record of a set: resumable, and honest about a failure."""

import json
from dataclasses import replace

import pytest
from folders import class_folders

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


def read(record) -> dict:
    return json.loads(record.read_text())


def test_a_kill_costs_one_step_and_leaves_the_record_of_the_others(home):
    with pytest.raises(KeyboardInterrupt):
        take_steps("toy", {"name": "toy"}, measures(killed=True))
    record = home / "assets/toy/real/results.json"
    assert list(read(record)["steps"]) == ["clean"]
    taken = {}
    take_steps("toy", {"name": "toy"}, measures(), report=taken.__setitem__)
    found = read(record)
    assert list(found["steps"]) == ["clean", "second"] == list(taken)
    assert not found["failed"] and found[SECONDS] >= 0


def test_a_finished_step_is_read_as_long_as_all_that_decides_it_is_the_same(home, monkeypatch):
    def never() -> dict:
        raise AssertionError("measured again")

    take_steps("toy", {"epochs": 1}, measures())
    record = take_steps("toy", {"epochs": 1}, {"clean": never, "second": never})
    assert list(read(record)["steps"]) == ["clean", "second"]
    with pytest.raises(AssertionError, match="measured again"):
        take_steps("toy", {"epochs": 2}, {"clean": never})
    monkeypatch.setattr(utils.course.real.measure, "versions", lambda: {"torch": "another"})
    with pytest.raises(AssertionError, match="measured again"):
        take_steps("toy", {"epochs": 1}, {"clean": never})


def test_other_settings_leave_nothing_of_the_old_record(home):
    take_steps("toy", {"epochs": 1}, measures())
    record = take_steps("toy", {"epochs": 2}, measures(), ["clean"])
    assert read(record)["settings"] == {"epochs": 2} and list(read(record)["steps"]) == ["clean"]


def test_after_a_network_that_learned_nothing_no_step_follows(home):
    for _ in range(2):  # measured, then read
        found = read(take_steps("toy", {}, measures(learned=False)))
        assert found["failed"] and list(found["steps"]) == ["clean"]


def test_single_steps_join_the_record(home):
    for only in (["second"], ["clean"]):
        record = take_steps("toy", {}, measures(), only)
    assert list(read(record)["steps"]) == ["clean", "second"]


def test_sets_with_large_files_hide_pictures(study):
    steps = list(steps_of(study))
    assert steps[:2] == ["training", "clean"] and "hidden pictures" in steps
    assert "kinds of files" not in steps


def test_other_patients_are_measured_only_where_patients_are_known(study):
    assert "other patients" in steps_of(study)
    small = study.parts.small
    unnamed = replace(small, test=replace(small.test, groups=None))
    assert "other patients" not in steps_of(
        replace(study, parts=replace(study.parts, small=unnamed))
    )


def test_tiny_copies_are_compared_with_their_files_where_these_are_at_hand(study, tmp_path):
    tiny = replace(study, real=replace(study.real, name="pneumoniamnist"))
    assert "official test" not in steps_of(tiny, tmp_path)
    class_folders(tmp_path / "chest_xray", ["NORMAL", "PNEUMONIA"], 1)
    assert "official test" in steps_of(tiny, tmp_path)
    assert "official test" not in steps_of(study, tmp_path)


def test_a_hardened_network_that_learned_nothing_keeps_no_other_step_back(study):
    steps = list(steps_of(study))
    assert steps[-4:] == ["hardening", "hardened", "hardened gain", "other attackers"]
