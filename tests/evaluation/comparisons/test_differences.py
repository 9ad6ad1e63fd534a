"""Drops and gains: closed forms, and pairs of which nothing or all is lost."""

import numpy as np
import pytest
from small import some_predictions

from utils.evaluation.comparisons.claims import FAILS, UNDECIDED, Claim
from utils.evaluation.comparisons.differences import (
    DROPS_OF,
    difference,
    difference_of_differences,
    drops,
    gain,
    gains,
    relative_drop,
)
from utils.evaluation.intervals import largest_unseen_share
from utils.evaluation.metrics import score_of
from utils.evaluation.predictions import Predictions, pool_trainings


def test_drop_is_the_closed_form():
    normal, attacked = some_predictions(skill=20), some_predictions(skill=0)
    table = drops(normal, attacked)
    by_hand = 100 * (normal.accuracy - attacked.accuracy) / normal.accuracy
    assert table.loc["accuracy", "value"] == pytest.approx(by_hand)
    three = table.loc[list(DROPS_OF), "value"]
    assert table.loc["combined", "value"] == pytest.approx(three.mean())
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()


def test_no_change_is_no_drop_and_the_pairing_sees_it():
    table = drops(some_predictions(), some_predictions())
    assert (table == 0).all(axis=None)


def test_a_drop_from_nothing_is_undefined():
    assert np.isnan(relative_drop(0.0, 0.0))


def test_a_drop_needs_the_same_images():
    with pytest.raises(ValueError, match="same images"):
        drops(some_predictions(seed=0), some_predictions(seed=1))


def test_gains_are_differences_and_their_interval_is_paired():
    before, after = some_predictions(skill=1), some_predictions(skill=3)
    table = gains(before, after)
    assert table.loc["accuracy", "value"] == pytest.approx(after.accuracy - before.accuracy)
    assert 0 < table.loc["accuracy", "low"] < table.loc["accuracy", "high"]


def test_a_total_loss_is_not_more_certain_than_its_patients():
    table = drops(some_predictions(skill=20), some_predictions(skill=-200))
    assert table.loc["accuracy", "value"] == 100
    assert 90 < table.loc["accuracy", "low"] < 98  # 100 patients could hide a few survivors


def constant(right: bool, patients: int = 43, classes: int = 6) -> Predictions:
    """One image of each patient; all are right, or none."""
    labels = np.arange(patients) % classes
    named = labels if right else (labels + 1) % classes
    names = tuple("abcdef"[:classes])
    return Predictions(labels, np.eye(classes)[named], np.arange(patients), names)


def test_patients_who_all_agree_leave_the_exact_bound_on_both_sides():
    none, every, unseen = constant(False), constant(True), largest_unseen_share(43)
    assert gain(none, none, "accuracy") == pytest.approx((0, -unseen, unseen))
    assert gain(every, every, "accuracy") == pytest.approx((0, -unseen, unseen))
    assert gain(none, every, "accuracy") == pytest.approx((1, 1 - 2 * unseen, 1))
    assert gain(1 / 6, none, "accuracy") == pytest.approx((-1 / 6, -1 / 6, unseen - 1 / 6))


def test_in_balanced_scores_equal_sides_could_differ_by_what_a_score_of_0_could_be():
    none = constant(False)
    end = score_of(none, "balanced accuracy").high
    assert end > largest_unseen_share(43)  # classes of seven patients say less than all 43
    assert gain(none, none, "balanced accuracy") == pytest.approx((0, -end, end))
    rare = none.take(none.labels > 0)
    assert gain(rare, rare, "balanced accuracy").high > end


def test_trainings_that_all_agree_are_not_more_certain_than_their_patients():
    side, unseen = pool_trainings([constant(False)] * 3), largest_unseen_share(43)
    assert gain(side, side, "accuracy") == pytest.approx((0, -unseen, unseen))
    assert score_of(side, "accuracy") == pytest.approx((0, 0, unseen))


def test_missed_disease_is_bounded_by_the_patients_who_have_one():
    none = constant(False)
    diseased = largest_unseen_share((none.labels > 0).sum())
    assert gain(none, none, "missed disease").high == pytest.approx(diseased)


def test_patients_who_all_agree_refute_a_claim_only_where_they_are_many():
    claim = Claim("Gap", "It gains.", "balanced accuracy", "a", "b", margin=0.1, about="network")
    for patients, verdict in ((43, UNDECIDED), (600, FAILS)):
        side = constant(False, patients)
        assert claim.evaluate(side, side).verdict == verdict
    assert 0 < difference(constant(False), constant(False), "accuracy").p_value(0.1) < 1


def test_a_change_that_its_control_shows_as_well_is_no_effect():
    before, after = some_predictions(skill=0), some_predictions(skill=3)
    found = difference_of_differences((before, after), (before, after), "accuracy")
    assert found.interval.value == 0 and found.interval.high > 0  # others could differ


def test_a_difference_of_differences_is_its_closed_form():
    sides = [pool_trainings([some_predictions(skill=s, seed=0)] * 3) for s in (0, 3, 1, 2)]
    change, control = sides[:2], sides[2:]
    found = difference_of_differences(change, control, "accuracy")
    gaps = [difference(*pair, "accuracy").interval.value for pair in (change, control)]
    assert found.interval.value == pytest.approx(gaps[0] - gaps[1]) and found.trainings == 3
    assert found.interval.low < found.interval.value < found.interval.high


def test_a_change_needs_a_control_of_as_many_trainings():
    one, three = (pool_trainings([some_predictions()] * count) for count in (1, 3))
    with pytest.raises(ValueError, match="as many trainings"):
        difference_of_differences((three, three), (one, one), "accuracy")
