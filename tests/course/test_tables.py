"""Tables for the reader: every number with its interval, every gap with a dash."""

import re

import pandas as pd
import pytest
from small import random_predictions

from utils.attacks.pgd import PGD
from utils.course import tables
from utils.evaluation.comparisons import differences
from utils.evaluation.comparisons.models import compare
from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.intervals import Interval
from utils.evaluation.metrics import HEADLINE, score_of
from utils.evaluation.predictions import as_method, pool_trainings

PGD_4 = Condition("pgd", 4 / 255)
ATTACKED = {
    CLEAN: random_predictions(0),
    Condition("noise", 4 / 255): random_predictions(0),
    PGD_4: random_predictions(1, 0),
    Condition("pgd", 4 / 255, 1): random_predictions(2, 0),
}


def test_settings_are_the_parameters_of_a_notebook():
    names = {"SEED": 1, "DATASET": "brain", "run": 3, "TABLE": pd.DataFrame(), "_x": 1}
    assert tables.settings(names) == {"SEED": 1, "DATASET": "brain"}


def test_tables_read_well():
    conditions = {CLEAN: random_predictions(), PGD_4: random_predictions(1, skill=-9)}
    conditions = {c: found.take(slice(1, None)) for c, found in conditions.items()}  # unbalanced
    scores = tables.score_table(conditions)
    assert list(scores.index) == ["clean", "pgd 4"]
    assert scores.loc["pgd 4", "accuracy (%)"].startswith("0.0 (0.0 to ")
    assert list(scores.columns)[:2] == ["balanced accuracy (%)", "accuracy (%)"]
    assert "class PGD" in re.sub("<[^>]+>", "", tables.show_source(PGD).data)
    assert "<summary>The attack</summary>" in tables.folded_source("The attack", PGD)._repr_html_()


def test_accuracy_is_left_out_where_it_says_what_balanced_accuracy_says():
    """With as many images of each class; else both stay, and the line below is about patients."""
    noise, attacked = list(ATTACKED)[1:3]
    one_fewer = {c: found.take(slice(1, None)) for c, found in ATTACKED.items()}
    for make in (tables.score_table, lambda f: tables.robustness_table({"a": f}, noise, attacked)):
        page = make(ATTACKED)._repr_html_()
        assert "so accuracy is the same" in page and ">accuracy" not in page
        page = make(one_fewer)._repr_html_()
        assert "so accuracy is the same" not in page and ">accuracy" in page


def test_source_code_has_letters_of_one_width_on_exported_pages_too():
    page = tables.show_source(PGD).data
    assert '<pre style="font-family: monospace">' in page and "<pre>" not in page


def test_a_class_with_few_patients_is_named_below_the_tables_of_scores():
    few = {c: found.take(slice(15)) for c, found in ATTACKED.items()}  # five patients
    noise, attacked = list(ATTACKED)[1:3]
    for make in (tables.score_table, lambda f: tables.robustness_table({"a": f}, noise, attacked)):
        warning = "Read with care: fewer than 10 patients of mild, none, severe."
        assert warning in make(few)._repr_html_()
        assert "Read with care" not in make(ATTACKED)._repr_html_()


def test_differences_without_a_claim_are_called_exploratory_below_their_table():
    noise, attacked = list(ATTACKED)[1:3]
    for page in (
        tables.gain_table(ATTACKED, ATTACKED)._repr_html_(),
        tables.robustness_table({"a": ATTACKED}, noise, attacked)._repr_html_(),
    ):
        assert page.endswith(f"{tables.EXPLORATORY}</p>")
    assert tables.EXPLORATORY not in tables.score_table(ATTACKED)._repr_html_()


def test_plain_names_will_do_for_conditions():
    gains = tables.gain_table({"clean": random_predictions()}, {"clean": random_predictions(1)})
    assert gains.loc["clean", "accuracy (points)"] == tables.interval_text(
        differences.gains(random_predictions(), random_predictions(1)).loc["accuracy"]
    )


def test_intervals_come_from_a_table_or_by_name():
    score = score_of(random_predictions())
    by_name = tables.with_interval({"a": score})
    table = pd.DataFrame([score], index=pd.Index(["a"], name="model"))
    assert by_name["a"] == tables.with_interval(table)["a"] == str(score)
    assert tables.with_interval(table).index.name == "model"
    assert tables.interval_text(Interval(0.5, 0.25, 0.75), digits=0) == "50 (25 to 75)"


def test_clean_attacked_and_the_change_stand_in_one_row():
    both = random_predictions(0), random_predictions(1, 0)
    clean, attacked = (found.take(slice(1, None)) for found in both)  # unbalanced
    scores, accuracies = (
        {"clean": score_of(clean, n), "attacked": score_of(attacked, n)}
        | {"change": differences.gain(clean, attacked, n)}
        for n in ("balanced accuracy", "accuracy")
    )
    name = "rnn", "standard"
    table = tables.change_table({name: scores}, {name: accuracies})
    lost = differences.gains(clean, attacked).loc["balanced accuracy"]
    assert table.loc[name, "change (points)"] == tables.interval_text(lost)
    assert table.loc[name, "accuracy, attacked (%)"] == f"{100 * attacked.accuracy:.1f}"
    assert "nowrap" in tables.wide_table(table).to_html()
    same = tables.change_table({name: scores}, {name: scores})
    assert list(same) == ["clean (%)", "attacked (%)", "change (points)"]


def test_without_models_the_table_is_empty():
    assert tables.change_table({}, {}).empty


def test_pairs_have_p_values_and_a_verdict():
    row = {"A": "a", "B": "b", "value": 0.1, "low": 0.05, "high": 0.15}
    row |= {"p": 1e-5, "p (Holm)": 0.02, "trainings": 3, "verdict": "A better"}
    pairs = pd.DataFrame([row])
    shown = tables.pair_table(pairs).iloc[0]
    assert shown["A minus B (points)"] == "10.0 (5.0 to 15.0)"
    assert (shown["p"], shown["p (Holm)"]) == ("< 0.001", "0.020")
    assert shown["based on"] == "3 trainings" and tables.pair_table(pairs[:0]).empty


def test_a_pair_of_methods_with_few_trainings_says_so():
    method = pool_trainings([random_predictions(0), random_predictions(0, 3)])
    pairs = compare({"a": method, "b": as_method(random_predictions(0))}, [("a", "b")])
    shown = tables.pair_table(pairs).iloc[0]
    assert shown["verdict"] == "one training" and shown["p"] == shown["p (Holm)"] == "–"
    assert shown["A minus B (points)"].endswith(" (fewer than 3 trainings)")


@pytest.mark.parametrize(("count", "words"), [(1, "(one training)"), (2, "(2 trainings)")])
def test_gains_of_methods_with_few_trainings_say_so(count, words):
    sides = [pool_trainings([random_predictions(0, skill)] * count) for skill in (1, 3)]
    shown = tables.gain_table(*({"clean": side} for side in sides)).loc["clean"]
    assert all(cell.endswith(words) for cell in shown)
    enough = [pool_trainings([random_predictions(0, skill)] * 3) for skill in (1, 3)]
    shown = tables.gain_table(*({"clean": side} for side in enough)).loc["clean"]
    assert all(" to " in cell for cell in shown)


def test_a_defence_that_was_trained_once_has_no_interval_over_the_standard_one():
    noise, attacked = Condition("noise", 4 / 255), Condition("pgd", 4 / 255, 1)
    answers = {"standard": ATTACKED, "adversarial": {**ATTACKED, attacked: random_predictions(3)}}
    table = tables.robustness_table(answers, noise, attacked)
    gained = table["more than standard under PGD (points)"]
    assert gained["adversarial", HEADLINE].endswith("(one training)")
    assert gained["standard", HEADLINE] == ""


@pytest.mark.parametrize("trainings", [1, 3])
def test_every_row_of_the_table_of_robustness_says_on_how_many_images(trainings):
    """Of a method that was trained again, each training has seen the same ones."""
    pooled = {c: pool_trainings([found] * trainings) for c, found in ATTACKED.items()}
    noise, attacked = list(pooled)[1:3]
    table = tables.robustness_table({"a": pooled, "b": pooled}, noise, attacked)
    assert list(table["images"]) == [len(ATTACKED[noise].labels)] * len(table)
    assert len(table) > 1 and list(table)[0] == "images"
