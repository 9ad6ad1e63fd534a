"""Intervals against closed forms and against scipy."""

import numpy as np
import pytest
from scipy.stats import beta, norm, sem, t

from utils.evaluation.intervals import (
    UNDEFINED,
    Interval,
    around,
    grouped_arm,
    interval_table,
    mean_of,
    share,
)


def test_a_mean_ignores_what_is_unknown_and_knows_its_patients():
    assert mean_of([0.2, 0.4, np.nan], [1, 2, 3]).value == pytest.approx(0.3)
    values = [0.0] * 50 + [1.0] * 50
    few, many = (mean_of(values, groups) for groups in (np.repeat([0, 1], 50), np.arange(100)))
    assert few.high - few.low == 1 and many.high - many.low < 0.25
    assert np.isnan(mean_of([np.nan], [0]).value)


def test_an_interval_of_many_is_that_of_student():
    values = np.random.default_rng(0).normal(10, 3, 200)
    found = mean_of(values, np.arange(200))
    low, high = t.interval(0.95, 199, values.mean(), sem(values))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.05 * (high - low))


def test_an_interval_is_stretched_to_its_number_and_no_further():
    draws = np.linspace(0.3, 0.5, 101)
    assert around(0.4, draws) == pytest.approx((0.4, 0.305, 0.495))
    assert around(0.6, draws) == pytest.approx((0.6, 0.305, 0.6))
    assert around(0.1, draws) == pytest.approx((0.1, 0.1, 0.495))


@pytest.mark.parametrize(("right", "of"), [(0, 20), (3, 20), (20, 20), (1, 1)])
def test_a_share_has_the_interval_of_clopper_and_pearson(right, of):
    found = share([True] * right + [False] * (of - right))
    low = beta.ppf(0.025, right, of - right + 1) if right else 0
    high = beta.ppf(0.975, right + 1, of - right) if right < of else 1
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    assert (found["right"], found["of"], found["value"]) == (right, of, right / of)


def test_a_share_of_nothing_is_unknown():
    assert np.isnan([share([])[name] for name in ("value", "low", "high")]).all()


def test_an_interval_prints_itself():
    accuracy = Interval(0.85, 0.8012, 0.8923)
    assert str(accuracy) == "85.0 (80.1 to 89.2)"
    assert accuracy.text(digits=0) == "85 (80 to 89)"
    assert Interval(31.25, 30, 32).text(scale=1) == "31.2 (30.0 to 32.0)"
    assert str(UNDEFINED) == "undefined"


def test_a_change_of_almost_nothing_is_not_minus_zero():
    assert str(Interval(-0.0001, -0.02, 0.0)) == "0.0 (-2.0 to 0.0)"


def test_a_table_of_intervals_has_a_row_for_each():
    table = interval_table({("a", "b"): Interval(1, 0, 2), ("a", "c"): UNDEFINED})
    assert list(table.columns) == ["value", "low", "high"] and table.index.nlevels == 2
    assert interval_table({}).empty


def test_the_arm_of_a_mean_is_that_of_the_means_of_its_groups():
    """Of groups of one size: the standard error of their means, without its correction."""
    values, groups = np.random.default_rng(0).normal(size=60), np.repeat(list("abcdefghijkl"), 5)
    means = values.reshape(12, 5).mean(1)
    influence = (values - values.mean()) / len(values)
    assert grouped_arm(influence, groups) == pytest.approx(norm.ppf(0.975) * sem(means, ddof=0))
