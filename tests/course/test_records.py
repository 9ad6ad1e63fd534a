"""The record of a run can be read again, whole and unchanged."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from small import finished, random_predictions

import utils.course.records
import utils.run
from utils import HOME
from utils.course.plan import Notebook
from utils.course.records import (
    chapters,
    flag_summary,
    missing_runs,
    of_chapters,
    raised_flags,
    read_records,
    run_overview,
)
from utils.course.results import pool_records
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.predictions import pool_trainings

PGD_4 = Condition("pgd", 4 / 255)


def test_a_run_can_be_read_again(assets):
    clean, attacked = random_predictions(0), random_predictions(1, skill=0)
    finished("resnet", conditions={CLEAN: clean, PGD_4: attacked})
    (record,) = read_records(assets)
    found = record.predictions["standard"]
    assert list(found) == [CLEAN, PGD_4]
    assert np.array_equal(found[PGD_4].right, attacked.right)
    assert found[CLEAN].class_names == clean.class_names
    assert record.name == "resnet" and record.facts["hardware"] and record.red == []


def test_a_damaged_record_is_named(assets):
    finished("resnet")
    (record,) = read_records(assets)
    (record.folder / "record.json").write_text('{"half": ')
    with pytest.raises(ValueError, match=r"record\.json is damaged.*run its notebook again"):
        _ = record.facts


def test_conditions_of_an_earlier_run_do_not_stay(assets):
    finished("resnet", conditions={CLEAN: random_predictions(), "blurred": random_predictions()})
    finished("resnet", conditions={CLEAN: random_predictions(), PGD_4: random_predictions()})
    (record,) = read_records(assets)
    assert list(record.predictions["standard"]) == [CLEAN, PGD_4]


def test_seeds_are_pooled_over_the_same_patients(assets):
    for seed in (0, 1):
        finished("resnet", seed, clean=random_predictions(seed))
    together = pool_records(read_records(assets))["resnet"]["standard"][CLEAN]
    assert len(together.by_training) == 2
    assert len(together.labels) == 120 and len(np.unique(together.groups)) == 20
    assert together.accuracy == pytest.approx(
        (random_predictions(0).accuracy + random_predictions(1).accuracy) / 2
    )


def test_a_single_seed_is_a_network_and_no_method(assets):
    finished("resnet", clean=random_predictions())
    (record,) = read_records(assets)
    assert pool_records([record])["resnet"]["standard"][CLEAN].trainings is None
    assert record.claims == []


def test_other_settings_are_not_pooled(assets):
    for seed, size in ((0, 64), (1, 128)):
        run = finished("resnet", seed, clean=random_predictions(seed))
        run.record(conditions=["clean"], flags=[], parameters={"SEED": seed, "SIZE": size})
    assert list(pool_records(read_records(assets))) == ["resnet", "resnet SIZE=128"]


def test_three_trainings_in_one_record_are_told_apart(assets):
    """Each training has the images of the others, in their order; pooled they are one method."""
    single = [random_predictions(seed) for seed in range(3)]
    finished("resnet", clean=pool_trainings(single))
    (record,) = read_records(assets)
    again = record.predictions["standard"][CLEAN].by_training
    for found, expected in zip(again, single, strict=True):
        assert np.array_equal(found.groups, expected.groups)
        assert np.array_equal(found.labels, expected.labels)
        assert found.probabilities == pytest.approx(expected.probabilities, abs=1e-4)


RECORDS = ["chapter.record(training)"]


def test_a_chapter_is_missed_where_it_is_at_home(monkeypatch):
    homes = {"resnet": {"DATASET": "brain"}, "cervix": {"DATASET": "cervix"}}
    homes["first"] = {"DATASETS": "brain chest"}
    course = {name: Notebook(Path(name), RECORDS, defaults) for name, defaults in homes.items()}
    course["playground"] = Notebook(Path("playground"), ["look()"], {"DATASET": "brain"})
    monkeypatch.setattr(utils.course.records, "read_course", lambda: course)
    homes = {"cervix": "cervix", "first": "brain", "resnet": "brain"}
    assert chapters("brain") == chapters("cervix") == homes
    assert chapters("folder:mine") == dict.fromkeys(homes, "folder:mine")
    records = [
        SimpleNamespace(name=name, dataset=dataset)
        for name in ("resnet", "cervix")
        for dataset in ("brain", "cervix", "folder:mine")
    ]
    found = [(record.name, record.dataset) for record in of_chapters(records, "brain")]
    assert found == [("resnet", "brain"), ("cervix", "brain"), ("cervix", "cervix")]
    found = {record.dataset for record in of_chapters(records, "folder:mine")}
    assert found == {"folder:mine"}
    assert missing_runs(of_chapters(records, "brain"), chapters("brain")) == ["first"]


def test_git_knows_no_run_and_the_numbers_of_real_sets():
    """Also where the run used public images: its figures show patients."""
    run, numbers = "assets/chest_xray/resnet/seed_0/record.json", "assets/chest_xray/real/x.json"
    command = ["git", "check-ignore", run, numbers]
    ignored = subprocess.run(command, cwd=HOME, capture_output=True, text=True)
    assert ignored.stdout.split() == [run]


def test_red_flags_and_missing_runs_are_named(assets):
    finished("resnet", red=True, clean=random_predictions())
    records = read_records(assets)
    assert run_overview(records)["red flags"].tolist() == ["planted"]
    assert missing_runs(records, ["resnet", "resnet_atk"]) == ["resnet_atk"]


def test_raised_flags_are_counted_in_a_line_and_listed_with_their_reasons(assets):
    finished("resnet", clean=random_predictions())
    assert flag_summary(read_records(assets)) == "1 check in 1 run, none raised"
    assert raised_flags(read_records(assets)).empty
    finished("rnn", 2, red=True, clean=random_predictions())
    records = read_records(assets)
    assert "2 checks in 2 runs, raised in rnn (seed 2)" in flag_summary(records)
    (row,) = raised_flags(records).to_numpy().tolist()
    assert row == [records[1].dataset, "rnn", 2, "all", "planted", "because"]
