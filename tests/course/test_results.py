"""Models from many records: each once, beside those with the same images."""

from dataclasses import replace

import nbformat
from small import finished, random_predictions

from utils.course import records
from utils.course.records import read_records
from utils.course.results import (
    clean_and_strongest,
    comparable_groups,
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
    assert list(found["clean"]) == ["resnet_atk, standard", "rnn_atk, standard", "rnn, standard"]


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
    ranked = shown["pairs"].values()
    assert "resnet_atk" in everywhere and "too_good" not in everywhere
    assert any("resnet_atk" in text for table in ranked for text in table["A"])
    assert not any("too_good" in text for table in ranked for text in [*table["A"], *table["B"]])
    assert [record.name for record in shown["runs"] if record.red] == ["too_good"]
