"""Models from many records: each once, beside those with the same images."""

from dataclasses import replace

import nbformat
import numpy as np
import pytest
from small import finished, random_predictions

from utils import HOME
from utils.course import records
from utils.course.records import read_records
from utils.course.results import (
    compare_declared,
    constant_answer,
    declared_pairs,
    drops_under_pgd,
    first_trainings,
    headline,
    models_under_pgd,
    pgd_of,
    pool_records,
    scores_under_pgd,
    strongest_conditions,
    unique_models,
)
from utils.course.upkeep import bootstrap, repository
from utils.evaluation import metrics
from utils.evaluation.comparisons import differences
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.predictions import pool_trainings

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


def test_a_model_that_was_trained_again_in_another_run_occurs_once(assets):
    finished("resnet", clean=random_predictions(0))
    again = {c: pool_trainings([p, random_predictions(9), p]) for c, p in ATTACKED.items()}
    finished("resnet_atk", conditions=again)
    assert list(unique_models(read_records(assets))) == [("resnet_atk", "standard")]


def test_pictures_show_one_network_of_each_backbone():
    shown = first_trainings(REPEATED)
    assert list(shown) == [name for name in REPEATED if name[1] != "fast"]
    for name, found in shown.items():
        assert found["attacked"].trainings is None
        assert found["attacked"].accuracy == MODELS[name]["attacked"].accuracy


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


def with_variants(name: str, **variants) -> None:
    """A run of several models, each by its conditions."""
    run = finished(name, conditions=ATTACKED)
    run.save_predictions(variants)
    run.record(conditions=[], flags=[], parameters={})


STRONGER = {**ATTACKED, RESTARTS: random_predictions(3, skill=1.5)}
MODELS = {
    (network, training): {"clean": found[CLEAN], "noise": found[NOISE], "attacked": found[RESTARTS]}
    for network in ("resnet", "rnn")
    for training, found in {"standard": ATTACKED, "adversarial": STRONGER, "fast": ATTACKED}.items()
}


def trained_again(found: dict, skill: float) -> dict:
    """The same and two further trainings of nearly the same skill."""
    further = [random_predictions(seed, skill=skill) for seed in (21, 22)]
    return {state: pool_trainings([first, *further]) for state, first in found.items()}


REPEATED = {
    **MODELS,
    ("resnet", "standard"): trained_again(MODELS["resnet", "standard"], 0.2),
    ("resnet", "adversarial"): trained_again(MODELS["resnet", "adversarial"], 6),
}


def test_models_stand_side_by_side_under_the_pgd_of_most_runs(assets):
    with_variants("resnet_atk", standard=ATTACKED, adversarial=STRONGER)
    with_variants("rnn_atk", standard={CLEAN: ATTACKED[CLEAN], RESTARTS: ATTACKED[RESTARTS]})
    weaker = {name: found for name, found in ATTACKED.items() if name != RESTARTS}
    with_variants("ensemble", vote=ATTACKED, stacking=weaker)
    patient = replace(RESTARTS, restarts=RESTARTS.restarts + 1)
    own = {CLEAN: random_predictions(11), NOISE: random_predictions(12)}
    with_variants("dinov2_atk", standard={**own, patient: random_predictions(7)})
    finished(
        "tampering", conditions={CLEAN: random_predictions(8), SHUFFLED: random_predictions(9)}
    )
    finished(
        "other", conditions={**weaker, Condition("worst case", 4 / 255): random_predictions(9)}
    )
    found = read_records(assets)
    models = models_under_pgd(found)
    assert pgd_of(found) == RESTARTS
    assert list(models) == [
        ("dinov2", "standard"),  # judged by more restarts
        ("ensemble", "vote"),
        ("resnet", "standard"),
        ("resnet", "adversarial"),
    ]
    assert models["resnet", "adversarial"]["attacked"].accuracy == STRONGER[RESTARTS].accuracy


def test_without_an_attack_there_are_no_models(assets):
    finished("resnet", clean=random_predictions())
    assert pgd_of(read_records(assets)) is None and models_under_pgd(read_records(assets)) == {}


def test_scores_and_drops_are_those_of_the_metrics():
    before, after = ATTACKED[CLEAN], ATTACKED[RESTARTS]
    found = scores_under_pgd(MODELS)["rnn", "standard"]
    assert found["attacked"] == metrics.score_of(after, "balanced accuracy")
    assert found["change"] == differences.gain(before, after, "balanced accuracy")
    lost = drops_under_pgd(MODELS)["rnn", "standard"]
    assert tuple(lost["attacked"]) == tuple(differences.drops(before, after).loc["combined"])
    assert tuple(lost["noise"]) == tuple(differences.drops(before, ATTACKED[NOISE]).loc["combined"])
    assert constant_answer(MODELS) == pytest.approx(1 / 3) and np.isnan(constant_answer({}))


def test_one_contrast_is_declared_for_each_network_that_has_both_trainings():
    alone = {("dinov2", "adversarial"): {}, ("ensemble", "soft vote"): {}}
    assert declared_pairs({**MODELS, **alone}) == [
        ((network, "adversarial"), (network, "standard")) for network in ("resnet", "rnn")
    ]
    assert compare_declared({}).empty


def test_a_contrast_with_one_training_has_a_number_and_no_verdict():
    table = compare_declared(MODELS)
    assert table["A"].tolist() == ["resnet, adversarial", "rnn, adversarial"]
    gained = differences.gain(ATTACKED[RESTARTS], STRONGER[RESTARTS], "balanced accuracy")
    assert table["value"].tolist() == pytest.approx([gained.value] * 2)
    assert table[["low", "high", "p", "p (Holm)"]].isna().all(axis=None)
    assert table["trainings"].tolist() == [1, 1]
    assert table["verdict"].tolist() == ["one training"] * 2


def test_several_trainings_get_a_verdict_and_count_alone_in_the_correction():
    table = compare_declared(REPEATED)
    assert table["trainings"].tolist() == [3, 1]
    pooled = [REPEATED["resnet", kind]["attacked"] for kind in ("standard", "adversarial")]
    gained = differences.gain(*pooled, "balanced accuracy")
    assert table.loc[0, ["value", "low", "high"]].tolist() == list(gained)
    assert table.loc[0, "p (Holm)"] == table.loc[0, "p"]
    assert table["verdict"].tolist() == ["A better", "one training"]


def test_the_headline_counts_verdicts_and_gives_ranges():
    verdicts = [{"verdict": verdict} for verdict in ("holds", "holds", "does not hold")]
    scores, contrasts = scores_under_pgd(MODELS), compare_declared(MODELS)
    shown = headline(verdicts, scores, contrasts, 1 / 3)
    assert "Of 3 fixed before their run, 2 held, 1 failed, 0 remained undecided" in shown
    attacked = round(100 * scores["rnn", "standard"]["attacked"].value)
    assert (
        f"2 standard networks: **{round(100 * scores['rnn', 'standard']['clean'].value)} %**"
        in shown
    )
    assert f"**{attacked} %** under PGD" in shown and "a constant answer scores 33 %" in shown
    assert "0 of the 0 declared contrasts over at least 3 trainings show a gain; 2 more" in shown
    shown = headline(verdicts, scores, compare_declared(REPEATED), 1 / 3)
    assert "1 of the 1 declared contrast over at least 3 trainings show a gain; 1 more" in shown
    apart = {**scores, ("rnn", "standard"): scores["rnn", "adversarial"]}
    best = round(100 * scores["rnn", "adversarial"]["attacked"].value)
    assert f"**{attacked} to {best} %** under PGD" in headline(verdicts, apart, contrasts, 1 / 3)


def test_the_headline_says_when_there_is_no_network():
    shown = headline([], {}, compare_declared({}), float("nan"))
    assert "nan" not in shown and "No model without a red flag" in shown


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
        source = cell.source.replace(bootstrap(repository()), "")  # Colab's
        exec(compile(source, path.name, "exec"), shown)
    everywhere = {name for found in shown["models"] for name in found}
    assert (
        everywhere == {"resnet", "standard", "rnn"}
        and shown["scores"].keys() == shown["models"].keys()
    )
    assert [record.name for record in shown["runs"] if record.red] == ["too_good"]
