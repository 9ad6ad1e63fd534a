"""Pairs of models: against statsmodels and scipy, and against worlds where the truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as witness
from statsmodels.stats.multitest import multipletests

from utils.evaluation.comparison import (
    NO_DIFFERENCE,
    against_best,
    compare,
    holm,
    mcnemar,
    same_patients,
)
from utils.evaluation.metrics import gains
from utils.evaluation.predictions import Predictions


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
    (row,) = compare({"a": model, "b": model}).to_dict("records")
    assert row["verdict"] == NO_DIFFERENCE and row["value"] == row["low"] == row["high"] == 0


def test_a_planted_difference_is_found_among_equals():
    rng = np.random.default_rng(0)
    models = {"a": correlated(rng, 0.5), "strong": correlated(rng, 4.0), "b": correlated(rng, 0.5)}
    table = compare(models).set_index(["A", "B"])
    assert table["verdict"].tolist() == ["B better", NO_DIFFERENCE, "A better"]
    best = against_best(compare(models))
    assert set(best["A"]) == {"strong"} and set(best["verdict"]) == {"A better"}
    assert (best["low"] > 0).all() and (best["low"] <= best["value"]).all()


def test_the_difference_is_that_of_gains():
    rng = np.random.default_rng(0)
    a, b = correlated(rng, 1.0), correlated(rng, 2.0)
    expected = gains(b, a).loc["accuracy"].tolist()
    assert compare({"a": a, "b": b}).loc[0, ["value", "low", "high"]].tolist() == expected


@pytest.mark.parametrize("count", [1, 2, 28])
def test_holm_agrees_with_statsmodels_and_keeps_its_promises(count):
    p = np.random.default_rng(count).beta(0.3, 2, count)
    corrected = holm(p)
    assert corrected == pytest.approx(multipletests(p, method="holm")[1])
    assert (corrected >= p).all() and (np.diff(corrected[np.argsort(p)]) >= 0).all()
    assert corrected[p.argmin()] == pytest.approx(min(1, count * p.min()))  # as Bonferroni


def test_two_seeds_can_stand_against_one():
    rng = np.random.default_rng(0)
    first, again, other = (correlated(rng, skill) for skill in (1.0, 1.2, 2.0))
    pooled = predictions_with(
        np.concatenate([first.right, again.right]), groups=np.tile(first.groups, 2)
    )
    table = compare({"two seeds": pooled, "one": other})
    mean = (first.accuracy + again.accuracy) / 2
    assert table.loc[0, "value"] == pytest.approx(mean - other.accuracy)
    twice = compare(
        {"a": predictions_with(np.tile(first.right, 2), groups=pooled.groups), "b": other}
    )
    assert twice.loc[0, "p"] == pytest.approx(mcnemar(first, other))  # no new patients, no gain


def test_other_images_are_refused():
    model = correlated(np.random.default_rng(0), 1.0)
    fewer, others = model.take(np.arange(90)), replace(model, groups=model.groups + 100)
    renamed = replace(model, class_names=("well", "ill"))
    for other in (fewer, others, renamed):
        assert not same_patients(model, other)
        with pytest.raises(ValueError, match="same images"):
            compare({"a": model, "b": other})


@pytest.mark.parametrize("count", [0, 1])
def test_without_a_pair_the_table_is_empty(count):
    models = {"a": correlated(np.random.default_rng(0), 1.0)} if count else {}
    assert compare(models).empty and against_best(compare(models)).empty
