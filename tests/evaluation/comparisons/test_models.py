"""Pairs of models: against statsmodels and scipy, and against worlds where the truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as witness

from utils.evaluation.comparisons.differences import gain, gains
from utils.evaluation.comparisons.models import (
    NO_DIFFERENCE,
    compare,
    flip_predictions,
    mcnemar,
    same_patients,
    worse_of,
)
from utils.evaluation.predictions import Predictions, pool_trainings
from utils.evaluation.resampling import holm

AB = [("a", "b")]


def predictions_with(right: np.ndarray, per_patient: int = 1, groups=None) -> Predictions:
    """Two classes in turn; the images that are `right` are named right."""
    labels = np.arange(len(right)) % 2
    verdicts = np.where(right, labels, 1 - labels)
    groups = np.arange(len(right)) // per_patient if groups is None else groups
    return Predictions(labels, np.eye(2)[verdicts], groups, ("ill", "well"))


def correlated(rng, skill: float, patients: int = 41, slices: int = 6) -> Predictions:
    """Slices of a patient are hard for one model together: what makes naive tests too bold."""
    ease = rng.normal(skill, 1.5, (patients, 1))
    right = rng.random((patients, slices)) < 1 / (1 + np.exp(-ease))
    return predictions_with(right.ravel(), slices)


def naive(first: Predictions, second: Predictions) -> float:
    """McNemar as if every slice were a patient of its own."""
    alone = np.arange(len(first.labels))
    return mcnemar(replace(first, groups=alone), replace(second, groups=alone))


@pytest.mark.parametrize("share", [0.5, 0.6, 0.8])
def test_with_one_image_per_patient_it_is_mcnemars_exact_test(share):
    rng = np.random.default_rng(0)
    first, second = rng.random(300) < 0.6, rng.random(300) < share
    table = [[((first == a) & (second == b)).sum() for b in (1, 0)] for a in (1, 0)]
    expected = witness(np.array(table), exact=True).pvalue
    assert mcnemar(predictions_with(first), predictions_with(second)) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_with_many_it_agrees_with_trying_every_swap(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.random((2, 10, 4)) < [[[0.8]], [[0.6]]]
    expected = stats.permutation_test(
        (first.sum(1), second.sum(1)),
        lambda x, y, axis: (x - y).sum(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert mcnemar(
        predictions_with(first.ravel(), 4), predictions_with(second.ravel(), 4)
    ) == pytest.approx(expected.pvalue)


def test_luck_finds_a_difference_in_one_of_twenty_worlds_though_slices_agree():
    rng = np.random.default_rng(0)
    pairs = [(correlated(rng, 1.0), correlated(rng, 1.0)) for _ in range(600)]
    by_patient = np.mean([mcnemar(*pair) < 0.05 for pair in pairs])
    by_slice = np.mean([naive(*pair) < 0.05 for pair in pairs])
    assert 0.03 < by_patient < 0.07
    assert by_slice > 0.12  # the reason for all this


def test_a_model_never_differs_from_itself():
    model = correlated(np.random.default_rng(0), 1.0)
    assert mcnemar(model, model) == 1
    (row,) = compare({"a": model, "b": model}, AB).to_dict("records")
    assert row["verdict"] == NO_DIFFERENCE and row["p"] == 1
    assert row["low"] < row["value"] == 0 < row["high"]  # these patients cannot tell them apart


def test_a_planted_difference_is_found_among_equals():
    rng = np.random.default_rng(0)
    models = {"a": correlated(rng, 0.5), "strong": correlated(rng, 4.0), "b": correlated(rng, 0.5)}
    pairs = [("a", "strong"), ("a", "b"), ("strong", "b")]
    table = compare(models, pairs)
    assert table["verdict"].tolist() == ["B better", NO_DIFFERENCE, "A better"]
    assert list(zip(table["A"], table["B"], strict=True)) == pairs
    strong = table[table["A"] == "strong"]
    assert (strong["low"] > 0).all() and (strong["low"] <= strong["value"]).all()
    assert table["p (Holm)"].to_numpy() == pytest.approx(holm(table["p"].to_numpy()))


def test_only_declared_pairs_count_in_the_correction():
    rng = np.random.default_rng(0)
    models = {
        name: correlated(rng, skill) for name, skill in zip("abcd", (1.0, 1.6, 1, 1), strict=True)
    }
    (alone,) = compare(models, AB).to_dict("records")
    assert alone["p (Holm)"] == alone["p"]


def test_the_difference_is_that_of_gains():
    rng = np.random.default_rng(0)
    a, b = correlated(rng, 1.0), correlated(rng, 2.0)
    expected = gains(b, a).loc["accuracy"].tolist()
    assert compare({"a": a, "b": b}, AB).loc[0, ["value", "low", "high"]].tolist() == expected


def test_another_score_is_judged_by_its_own_interval():
    rng = np.random.default_rng(2)
    for skill in (1.0, 1.3, 1.6, 3.0):
        models = {"a": correlated(rng, skill), "b": correlated(rng, 1.0)}
        (row,) = compare(models, AB, "balanced accuracy").to_dict("records")
        assert row["value"] == gains(models["b"], models["a"]).loc["balanced accuracy", "value"]
        assert (row["p"] < 0.05) == (row["low"] > 0 or row["high"] < 0)
        assert row["trainings"] == 1


def with_trainings(rng, skill: float, count: int) -> Predictions:
    return pool_trainings([correlated(rng, skill) for _ in range(count)])


def test_trainings_of_a_method_can_stand_against_one_network():
    rng = np.random.default_rng(0)
    method, network = with_trainings(rng, 1.0, 4), correlated(rng, 4.0)
    (row,) = compare({"a": method, "b": network}, AB).to_dict("records")
    assert row["value"] == pytest.approx(method.accuracy - network.accuracy)
    assert row["verdict"] == "B better" and row["high"] < 0
    assert row["p"] < 0.05


def test_repeated_rows_are_no_new_patients():
    rng = np.random.default_rng(0)
    first, other = correlated(rng, 1.0), correlated(rng, 2.0)
    twice = predictions_with(np.tile(first.right, 2), groups=np.tile(first.groups, 2))
    assert mcnemar(twice, other) == pytest.approx(mcnemar(first, other))  # no new patients, no gain


@pytest.mark.parametrize(("count", "verdict"), [(1, "one training"), (2, "2 trainings")])
def test_methods_of_few_trainings_get_no_verdict(count, verdict):
    rng = np.random.default_rng(0)
    models = {name: with_trainings(rng, skill, count) for name, skill in (("a", 0.0), ("b", 9.0))}
    (row,) = compare(models, AB).to_dict("records")
    assert row["verdict"] == verdict
    assert row["value"] == pytest.approx(models["a"].accuracy - models["b"].accuracy)
    assert np.isnan([row["low"], row["high"], row["p"], row["p (Holm)"]]).all()


def test_the_p_value_of_methods_fits_their_interval():
    rng = np.random.default_rng(1)
    for skill in (1.0, 1.2, 1.4, 2.0):
        models = {"a": with_trainings(rng, skill, 3), "b": with_trainings(rng, 1.0, 3)}
        (row,) = compare(models, AB).to_dict("records")
        assert (row["p"] < 0.05) == (row["low"] > 0 or row["high"] < 0)


def test_other_images_are_refused():
    model = correlated(np.random.default_rng(0), 1.0)
    fewer, others = model.take(np.arange(90)), replace(model, groups=model.groups + 100)
    renamed = replace(model, class_names=("well", "ill"))
    for other in (fewer, others, renamed):
        assert not same_patients(model, other)
        with pytest.raises(ValueError, match="same images"):
            compare({"a": model, "b": other}, AB)


def test_without_a_pair_the_table_is_empty():
    models = {"a": correlated(np.random.default_rng(0), 1.0)}
    assert compare(models, []).empty and compare({}, []).empty


def said(*classes):
    labels = np.array([0, 0, 0, 1, 2, 2])
    return Predictions(labels, np.eye(3)[list(classes)], np.arange(6), tuple("abc"))


def test_only_a_right_diagnosis_can_be_turned_and_only_into_its_opposite():
    before, after = said(0, 0, 1, 1, 1, 0), said(1, 0, 1, 2, 0, 0)
    lies = flip_predictions((before, after), healthy=0)  # the third and the last were wrong before
    assert lies.labels.tolist() == [1, 1, 0, 0]  # what the lie says
    assert lies.right.tolist() == [True, False, False, True]
    assert lies.accuracy == 0.5  # the flip rate


def test_healthy_may_be_any_class():
    lies = flip_predictions((said(0, 0, 0, 1, 2, 2), said(2, 0, 0, 1, 0, 2)), healthy=2)
    assert lies.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert lies.right.tolist() == [True, False, False, False, True, False]


def test_two_models_are_turned_only_together():
    one, other = (said(0, 0, 0, 1, 2, 2), said(1, 1, 0, 0, 0, 2)), (
        said(0, 1, 0, 1, 2, 2), said(1, 1, 0, 1, 0, 2),
    )  # fmt: skip
    lies = flip_predictions(one, other, healthy=0)
    assert lies.right.tolist() == [True, False, False, True, False]


def test_without_a_right_diagnosis_nothing_can_be_turned():
    wrong = said(1, 1, 1, 0, 0, 0)
    assert not len(flip_predictions((wrong, wrong), healthy=0).labels)


def test_beyond_its_control_counts_the_difference():
    before, after, control = said(0, 0, 0, 1, 2, 2), said(1, 1, 1, 0, 0, 0), said(1, 0, 0, 1, 2, 2)
    found = gain(
        *(flip_predictions((before, each), healthy=0) for each in (control, after)), "accuracy"
    )
    assert found.value == pytest.approx(5 / 6) and found.low > 0


def test_the_worse_of_two_attacks_is_wrong_where_either_is():
    one, other = said(1, 0, 0, 1, 1, 2), said(0, 2, 0, 1, 2, 0)
    worse = worse_of(one, other)
    assert worse.right.tolist() == (one.right & other.right).tolist()
    assert np.array_equal(worse.labels, one.labels)
