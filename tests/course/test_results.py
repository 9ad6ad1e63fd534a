"""Models from many records: each once, beside those with the same images."""

from dataclasses import replace

import nbformat
from small import finished, random_predictions

from utils.course import records
from utils.course.records import read_records
from utils.course.results import (
    clean_and_strongest,
    comparable_groups,
    compare_declared,
    declared_pairs,
    explore,
    group_by_conditions,
    pool_records,
    strongest_conditions,
    unique_models,
)
from utils.evaluation.conditions import CLEAN, Condition
from utils.folders import HOME

NOISE, PGD_4 = Condition("noise", 4 / 255), Condition("pgd", 4 / 255)
RESTARTS, SHUFFLED = Condition("pgd", 4 / 255, 1), Condition("shuffled")
ATTACKED = {
    CLEAN: random_predictions(0),
    NOISE: random_predictions(0),
    PGD_4: random_predictions(1, 0),
    RESTARTS: random_predictions(2, 0),
}


def test_a_record_may_name_its_strongest_condition(assets):
    run = finished("resnet_atk", conditions=ATTACKED)
    facts = {"conditions": list(ATTACKED), "flags": [], "parameters": {}}
    assert strongest_conditions(read_records(assets)) == {"resnet_atk": RESTARTS}
    run.record(**facts, strongest=PGD_4)
    assert strongest_conditions(read_records(assets)) == {"resnet_atk": PGD_4}


def test_a_model_of_two_runs_occurs_once(assets):
    finished("resnet", clean=random_predictions(0))
    finished("resnet_atk", conditions=ATTACKED)
    finished("rnn", clean=random_predictions(5))
    models = unique_models(read_records(assets))
    assert list(models) == [("resnet_atk", "standard"), ("rnn", "standard")]


def test_two_variants_of_one_run_may_agree(assets):
    run = finished("ensemble", clean=random_predictions(0))
    run.save_predictions(
        {
            "soft vote": {"clean": random_predictions(0)},
            "stacking": {"clean": random_predictions(0)},
        }
    )
    run.record(conditions=["clean"], flags=[], parameters={})
    assert len(unique_models(read_records(assets))) == 2


def test_a_condition_that_one_seed_lacks_is_left_out(assets):
    finished("resnet", 0, conditions={CLEAN: random_predictions(0), PGD_4: random_predictions(1)})
    finished("resnet", 1, clean=random_predictions(2))
    assert list(pool_records(read_records(assets))["resnet"]["standard"]) == [CLEAN]


def test_only_models_with_the_same_patients_are_compared():
    other = replace(random_predictions(3), groups=random_predictions().groups + 100)
    models = {
        ("resnet_atk", "standard"): ATTACKED,
        ("rnn_atk", "standard"): {CLEAN: random_predictions(4), RESTARTS: random_predictions(5, 0)},
        ("rnn", "standard"): {CLEAN: random_predictions(6)},
        ("chest", "standard"): {CLEAN: other},
        ("chest", "mutual"): {CLEAN: other, Condition("blur 2"): other},
    }
    found = comparable_groups(models, ["clean", None, RESTARTS, RESTARTS, "blur 2"])
    assert list(found) == ["clean", "clean, the 20 patients of chest", str(RESTARTS)]
    standard = [(run, "standard") for run in ("resnet_atk", "rnn_atk", "rnn")]
    assert list(found["clean"]) == standard


def test_twins_and_votes_are_declared_and_nothing_else():
    best = random_predictions(0, skill=9)
    group = {
        ("resnet_atk", "standard"): random_predictions(0, 1),
        ("resnet_atk", "fast"): random_predictions(1),
        ("rnn", "standard"): best,
        ("rnn_atk", "adversarial"): random_predictions(2),  # its standard twin is in no record
        ("ensemble SIZE=64", "soft vote"): random_predictions(3),
    }
    fast, vote = ("resnet_atk", "fast"), ("ensemble SIZE=64", "soft vote")
    twin, member = ("resnet_atk", "standard"), ("rnn", "standard")
    assert declared_pairs(group) == [(fast, twin), (vote, member)]
    table = compare_declared(group)
    assert table["A"].tolist() == ["resnet_atk, fast", "ensemble SIZE=64, soft vote"]
    assert table["B"].tolist() == ["resnet_atk, standard", "rnn, standard"]
    assert len(explore(group)) == 10 and "verdict" not in explore(group)
    assert compare_declared({member: best}).empty


def test_runs_that_share_no_condition_stand_apart():
    models = {
        ("leakage", "a"): {SHUFFLED: random_predictions()},
        ("resnet", "a"): {CLEAN: random_predictions(), NOISE: random_predictions()},
        ("resnet_atk", "a"): ATTACKED,
        ("ensemble", "a"): {CLEAN: random_predictions(), PGD_4: random_predictions()},
    }
    assert [[run for run, _ in group] for group in group_by_conditions(models)] == [
        ["resnet", "resnet_atk", "ensemble"],
        ["leakage"],
    ]
    strongest = {"leakage": SHUFFLED, "resnet": None, "resnet_atk": RESTARTS}
    judged = clean_and_strongest(strongest | {"ensemble": Condition("pgd", 8 / 255)}, models)
    assert [list(found) for found in judged.values()] == [
        [SHUFFLED], [CLEAN], [CLEAN, RESTARTS], [CLEAN],
    ]  # fmt: skip


def test_without_records_there_are_no_groups():
    assert group_by_conditions({}) == [] and comparable_groups({}, ["clean"]) == {}


def test_results_ranks_no_run_with_a_red_flag(assets, monkeypatch):
    """The notebook itself, on two sound runs and a flagged one that beats them everywhere."""
    best = {name: random_predictions(0, skill=9) for name in ATTACKED}
    finished("resnet_atk", conditions=ATTACKED)
    finished("rnn_atk", conditions={name: random_predictions(7, 1) for name in ATTACKED})
    finished("too_good", red=True, conditions=best)
    monkeypatch.setattr(records, "read_records", lambda: read_records(assets))
    shown = {}
    path = HOME / "notebooks/results.ipynb"
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    for cell in cells:
        if "%cd" not in cell.source:  # Colab's
            exec(compile(cell.source, path.name, "exec"), shown)
    everywhere = {name for found in shown["models"] for name in found}
    ranked = [name for group in shown["alike"].values() for name, _ in group]
    assert "resnet_atk" in everywhere and "too_good" not in everywhere
    assert "resnet_atk" in ranked and "too_good" not in ranked
    assert [record.name for record in shown["runs"] if record.red] == ["too_good"]
