"""Drops and gains: closed forms, and pairs of which nothing or all is lost."""

import numpy as np
import pytest
from small import some_predictions

from utils.evaluation.comparisons.differences import DROPS_OF, drops, gains, relative_drop


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
    assert (gains(before, before) == 0).all(axis=None)


def test_a_total_loss_is_not_more_certain_than_its_patients():
    table = drops(some_predictions(skill=20), some_predictions(skill=-200))
    assert table.loc["accuracy", "value"] == 100
    assert 90 < table.loc["accuracy", "low"] < 98  # 100 patients could hide a few survivors
