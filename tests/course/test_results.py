"""Models from many records: each once, beside those that were asked the same."""

from dataclasses import replace

import nbformat
import pandas as pd
import pytest
from small import finished, said

from utils.course import records, tables
from utils.course.records import read_records
from utils.course.results import (
    clean_and_strongest,
    comparable_groups,
    group_by_conditions,
    pool_records,
    strongest_conditions,
    unique_models,
)
from utils.evaluation import metrics
from utils.evaluation.attack_suite import ordered_conditions, strongest_of
from utils.folders import HOME

ATTACKED = {"clean": said(0), "noise_4": said(0), "pgd_4": said(1, 0), "pgd_4_restarts": said(2, 0)}
ORDERS = {
    "pgd_8 pgd_4_restarts pgd_4 clean fgsm_12.75 fgsm_2 noise_4 pgd_8": (
        "clean noise_4 pgd_4 pgd_4_restarts pgd_8 fgsm_2 fgsm_12.75"
    ),
    "shuffled clean label_noise_20 label_noise_5": "clean shuffled label_noise_5 label_noise_20",
    "": "",
}
STRONGEST = {
    "clean noise_4 pgd_4 pgd_8 pgd_4_restarts": "pgd_4_restarts",
    "clean noise_4 fgsm_4 pgd_4": "pgd_4",
    "clean pgd_4_restarts worst_4 pgd_8": "worst_4",
    "clean noise_4": None,
    "": None,
}


@pytest.mark.parametrize("names", ORDERS)
def test_conditions_stand_in_a_sensible_order(names):
    assert ordered_conditions(names.split()) == ORDERS[names].split()


@pytest.mark.parametrize("names", STRONGEST)
def test_the_strongest_is_an_attack_or_nothing(names):
    assert strongest_of(names.split()) == STRONGEST[names]


def test_a_record_may_name_its_strongest_condition(assets):
    run = finished("resnet_atk", **ATTACKED)
    facts = {"conditions": list(ATTACKED), "flags": [], "parameters": {}}
    run.record(**facts, strongest="pgd_4")
    assert strongest_conditions(read_records(assets)) == {"resnet_atk": "pgd_4"}


def test_a_model_asked_by_two_runs_stands_once(assets):
    finished("resnet", clean=said(0))
    finished("resnet_atk", **ATTACKED)
    finished("rnn", clean=said(5))
    models = unique_models(read_records(assets))
    assert list(models) == [("resnet_atk", "standard"), ("rnn", "standard")]


def test_two_variants_of_one_run_may_agree(assets):
    run = finished("ensemble", clean=said(0))
    run.save_predictions({"soft vote": {"clean": said(0)}, "stacking": {"clean": said(0)}})
    run.record(conditions=["clean"], flags=[], parameters={})
    assert len(unique_models(read_records(assets))) == 2


def test_what_one_seed_was_not_asked_is_left_out(assets):
    finished("resnet", 0, clean=said(0), pgd_4=said(1))
    finished("resnet", 1, clean=said(2))
    assert list(pool_records(read_records(assets))["resnet"]["standard"]) == ["clean"]


def test_only_models_asked_about_the_same_patients_are_compared():
    other = replace(said(3), groups=said().groups + 100)
    models = {
        ("resnet_atk", "standard"): ATTACKED,
        ("rnn_atk", "standard"): {"clean": said(4), "pgd_4_restarts": said(5, 0)},
        ("rnn", "standard"): {"clean": said(6)},
        ("chest", "standard"): {"clean": other},
        ("chest", "mutual"): {"clean": other, "blur_2": other},
    }
    found = comparable_groups(models, ["clean", None, "pgd_4_restarts", "pgd_4_restarts", "blur_2"])
    assert list(found) == ["clean", "clean, the 20 patients of chest", "pgd_4_restarts"]
    assert list(found["clean"]) == ["resnet_atk, standard", "rnn_atk, standard", "rnn, standard"]


def test_runs_that_share_no_condition_stand_apart():
    models = {
        ("leakage", "a"): {"shuffled": said()},
        ("resnet", "a"): {"clean": said(), "noise_4": said()},
        ("resnet_atk", "a"): ATTACKED,
        ("ensemble", "a"): {"clean": said(), "pgd_4": said()},
    }
    assert [[run for run, _ in group] for group in group_by_conditions(models)] == [
        ["resnet", "resnet_atk", "ensemble"],
        ["leakage"],
    ]
    strongest = {"leakage": "shuffled", "resnet": None, "resnet_atk": "pgd_4_restarts"}
    judged = clean_and_strongest(strongest | {"ensemble": "pgd_8"}, models)
    assert [list(found) for found in judged.values()] == [
        ["shuffled"], ["clean"], ["clean", "pgd_4_restarts"], ["clean"],
    ]  # fmt: skip


def test_the_wide_tables_have_a_dash_where_nobody_asked():
    models = {("a", "standard"): ATTACKED, ("b", "standard"): {"clean": said()}}
    models[("c", "odd")] = {"shuffled": said()}
    table, drops = tables.accuracy_table(models), tables.combined_drop_table(models)
    expected = [
        tables.interval_text(metrics.score_of(told), digits=0) for told in ATTACKED.values()
    ]
    assert table.loc[("a", "standard")].drop("shuffled").tolist() == expected
    assert table.loc[("b", "standard"), "pgd_4"] == "–" and list(drops.index.levels[0])[:2] == [
        "a",
        "b",
    ]
    clean, *attacked = ATTACKED.values()
    lost = [metrics.drops(clean, told).loc["combined"] for told in attacked]
    assert drops.loc[("a", "standard")].tolist() == [
        tables.interval_text(r, 1, digits=0) for r in lost
    ]
    assert "<td" in (page := tables.wide_table(table).to_html()) and "pgd 4 restarts" in page


def test_a_change_of_almost_nothing_is_not_minus_zero():
    row = pd.Series({"value": -0.0001, "low": -0.02, "high": 0.0})
    assert tables.interval_text(row) == "0.0 (-2.0 to 0.0)"


def test_without_records_every_table_is_empty():
    assert tables.accuracy_table({}).empty and tables.combined_drop_table({}).empty
    assert group_by_conditions({}) == [] and comparable_groups({}, ["clean"]) == {}


def test_results_ranks_no_run_with_a_red_flag(assets, monkeypatch):
    """The notebook itself, on two sound runs and a flagged one that beats them everywhere."""
    best = {name: said(0, skill=9) for name in ATTACKED}
    finished("resnet_atk", **ATTACKED)
    finished("rnn_atk", **{name: said(7, 1) for name in ATTACKED})
    finished("too_good", red=True, **best)
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
