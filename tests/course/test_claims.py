"""Claims of the course: from records to a table, and to the committed file."""

from pathlib import Path

import pytest

from utils.course import claims
from utils.course.claims import (
    FILE,
    all_claims,
    as_committed,
    claim_table,
    claims_of,
    collect_claims,
    found_in_words,
    interval_of,
    read_claims,
    refuse_undecided,
)
from utils.course.plan import Notebook
from utils.course.records import read_records
from utils.evaluation.comparisons.claims import Claim
from utils.evaluation.intervals import Interval
from utils.run import start_run

LEAK = Claim("Leak", "It gains.", "accuracy", "known", "new")
NULL = Claim("Coin", "It stays near chance.", "accuracy", "new", "chance", "equal", 0.05)
ROWS = [
    LEAK.evaluate(Interval(0.1, 0.05, 0.2), trainings=5, patients=80).row,
    NULL.evaluate(Interval(0.01, -0.02, 0.04), trainings=5).row,
]


@pytest.fixture
def home(assets, monkeypatch):
    """A course of two chapters with claims; one of them has run as it is committed."""
    defaults = {"DATASET": "brain_phantom", "EPOCHS": 7, "SEED": 0}
    course = {name: Notebook(Path(name), [], defaults) for name in ("leakage", "resnet")}
    monkeypatch.setattr(claims, "read_course", lambda: course)
    leave("leakage", ROWS)
    return assets.parent


def leave(chapter: str, rows: list[dict], seed: int = 0, **changed) -> None:
    run = start_run(chapter, changed.get("DATASET", "brain_phantom"), seed)
    parameters = {"DATASET": "brain_phantom", "EPOCHS": 7, "SEED": seed, **changed}
    run.record(conditions=[], flags=[], parameters=parameters, claims=rows)


def test_a_table_says_what_was_claimed_and_what_was_found(home):
    table = claim_table(claims_of(read_records(home / "assets")))
    assert table["claim"].tolist() == ["Leak: It gains.", "Coin: It stays near chance."]
    assert table["claimed (points)"].tolist() == ["above 0", "within -5 and 5"]
    assert table["found (points)"].tolist() == ["10.0 (5.0 to 20.0)", "1.0 (-2.0 to 4.0)"]
    assert table["verdict"].tolist() == ["holds", "holds"]
    assert table["trainings"].tolist() == [5, 5] and table["patients"].tolist() == [80, "–"]
    assert claim_table([]).empty


def test_null_in_a_file_is_no_interval():
    found = interval_of({"value": 0.1, "low": None, "high": None})
    assert found.text(instead="no interval") == "10.0 (no interval)"


def test_a_chapter_counts_only_as_it_is_committed(home):
    leave("resnet", ROWS, EPOCHS=1)
    leave("leakage", ROWS[:1], seed=1)
    leave("leakage", ROWS[:1], DATASET="chest_phantom")
    assert [(row["chapter"], row["name"]) for row in collect_claims(home)] == [
        ("leakage", "Leak"),
        ("leakage", "Coin"),
    ]
    assert read_claims(home) == collect_claims(home)


def test_a_new_run_takes_the_place_of_the_last_one_and_others_stay(home):
    leave("resnet", ROWS[1:])
    before = collect_claims(home)
    leave("leakage", ROWS[:1])
    (home / "assets/brain_phantom/resnet/seed_0/record.json").unlink()
    after = collect_claims(home)
    assert [row["chapter"] for row in before] == ["leakage", "leakage", "resnet"]
    assert after == [before[0], before[2]]


def test_a_chapter_that_has_not_run_here_keeps_its_committed_claims(home):
    leave("resnet", ROWS[1:])
    collect_claims(home)
    (home / "assets/brain_phantom/leakage/seed_0/record.json").unlink()
    leave("resnet", ROWS[:1])
    found = all_claims(read_records(home / "assets"), home)
    assert [(row["chapter"], row["name"]) for row in found] == [
        *(("leakage", "Leak"), ("leakage", "Coin")),
        ("resnet", "Leak"),
    ]


def test_a_chapter_that_is_gone_takes_its_claims_along(home, monkeypatch):
    collect_claims(home)
    monkeypatch.setattr(claims, "read_course", dict)
    assert collect_claims(home) == []


def test_a_claim_in_words_has_its_interval_and_says_if_it_fails():
    assert found_in_words(ROWS[0]) == "10.0 points (95 % interval 5.0 to 20.0)"
    less = {**ROWS[0], "direction": "less", "value": -0.3, "low": -0.4, "high": -0.2}
    assert found_in_words(less) == "30.0 points (95 % interval 20.0 to 40.0)"
    failed = {**ROWS[0], "verdict": "does not hold"}
    assert found_in_words(failed).endswith("to 20.0; the claim does not hold)")
    alone = {**ROWS[0], "B": "none"}
    assert found_in_words(alone) == "10.0 % (95 % interval 5.0 to 20.0)"


def test_records_count_as_committed_by_data_set_seed_and_parameters(home):
    leave("resnet", ROWS, EPOCHS=1)
    leave("leakage", ROWS, DATASET="chest_phantom")
    found = as_committed(home / "assets")
    assert [(record.name, record.dataset) for record in found] == [("leakage", "brain_phantom")]


def test_of_several_data_sets_the_first_carries_the_claim(home, monkeypatch):
    both = {"DATASETS": "brain_phantom chest_phantom", "SEED": 0}
    course = {"prepare_dataset": Notebook(Path("prepare_dataset"), [], both)}
    monkeypatch.setattr(claims, "read_course", lambda: course)
    row = Claim("Look-up", "It knows.", "accuracy", "look-up", "chance", about="data")
    rows = [row.evaluate(Interval(0.5, 0.4, 0.6), patients=80).row]
    for dataset in both["DATASETS"].split():
        run = start_run("prepare_dataset", dataset, 0)
        run.record(conditions=[], flags=[], parameters=both, claims=rows)
    found = as_committed(home / "assets")
    assert [(record.name, record.dataset) for record in found] == [
        ("prepare_dataset", "brain_phantom")
    ]
    assert claim_table(claims_of(found))["trainings"].tolist() == ["–"]


def test_before_the_first_run_there_are_none(tmp_path):
    assert read_claims(tmp_path) == [] and not (tmp_path / FILE).exists()


def test_undecided_claims_are_refused_by_name():
    rows = [{"chapter": "a", **row} for row in ROWS]
    refuse_undecided(rows)
    with pytest.raises(ValueError, match="undecided: a: Leak; b: Leak. Change the design"):
        undecided = {**rows[0], "verdict": "undecided"}
        refuse_undecided([undecided, rows[1], {**undecided, "chapter": "b"}])
