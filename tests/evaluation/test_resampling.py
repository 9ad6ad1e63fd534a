"""Intervals over patients and trainings, and of rare classes, in worlds with a known truth."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from worlds import Grades, Trainings, pooled

from utils.evaluation.comparisons.differences import gain
from utils.evaluation.intervals import DRAWS, Interval
from utils.evaluation.metrics import SCORES, score_of
from utils.evaluation.predictions import Predictions
from utils.evaluation.resampling import (
    count_trainings,
    few_patients,
    holm,
    over_trainings,
    p_value,
    resampled_confusions,
    spread_of,
)

WORLDS, PATIENTS = 500, 150
METHOD = Trainings(skill=1.2, trainings=0.35, patients=1.0, odd=0.5)
BETTER = Trainings(skill=1.6, trainings=0.35, patients=1.0, odd=0.5)


def covered(found: Interval, truth: float) -> bool:
    return found.low <= truth <= found.high


@pytest.mark.parametrize("trainings", [3, 5])
def test_intervals_of_a_method_cover_the_truth_as_often_as_they_say(trainings):
    rng = np.random.default_rng(trainings)
    worlds = (pooled(METHOD.right(rng, trainings, PATIENTS)) for _ in range(WORLDS))
    share = np.mean([covered(score_of(world), METHOD.accuracy) for world in worlds])
    assert 0.93 <= share <= 0.97, share


@pytest.mark.parametrize("trainings", [3, 5])
def test_intervals_of_a_difference_of_methods_cover_the_truth_as_often_as_they_say(trainings):
    rng, truth, hits, too_bold = np.random.default_rng(0), BETTER.accuracy - METHOD.accuracy, [], []
    for _ in range(WORLDS):
        ease = rng.normal(size=PATIENTS)  # the same patients on both sides
        sides = [pooled(m.right(rng, trainings, PATIENTS, ease)) for m in (METHOD, BETTER)]
        hits.append(covered(gain(*sides, "accuracy"), truth))
        of_patients = [replace(side, trainings=None) for side in sides]
        too_bold.append(covered(gain(*of_patients, "accuracy"), truth))
    assert 0.93 <= np.mean(hits) <= 0.97, np.mean(hits)
    assert np.mean(too_bold) < 0.8  # the reason for all this


@pytest.mark.parametrize("score", ["balanced accuracy", "macro F1"])
def test_scores_over_rare_classes_cover_the_truth_at_80_patients(score):
    grades, rng = Grades(), np.random.default_rng(0)
    truth = float(SCORES[score](grades.expected))
    found = [score_of(grades.predictions(rng, 80), score) for _ in range(300)]
    share = np.mean([covered(each, truth) for each in found])
    assert 0.92 <= share <= 0.98, share


def test_intervals_miss_where_a_sample_lacks_a_class_and_hold_where_it_has_all():
    """Macro precision suffers most; tables warn of such classes."""
    grades, rng = Grades(), np.random.default_rng(0)
    truth = float(SCORES["macro precision"](grades.expected))
    hits = {True: [], False: []}
    for _ in range(400):
        found = grades.predictions(rng, 80)
        complete = len(np.unique(found.labels)) == found.classes
        hits[complete].append(covered(score_of(found, "macro precision"), truth))
        assert complete or few_patients(found)
    assert 0.93 <= np.mean(hits[True]) <= 0.97 and np.mean(hits[False]) < 0.7


@pytest.mark.parametrize("right", [0, 3])
def test_a_class_of_three_alike_has_width(right):
    labels = np.repeat([0, 1], [97, 3])
    named = np.where(np.arange(100) < 97, 0, [0] * 97 + [1] * right + [0] * (3 - right))
    found = Predictions(labels, np.eye(2)[named], np.arange(100), ("common", "rare"))
    value, low, high = score_of(found, "balanced accuracy")
    assert low <= value <= high and value == 0.5 + right / 6
    assert 0.25 < high - low < 0.5  # 3 of 3 could be 29 % by the exact bound


def test_one_training_is_left_as_it_is_and_equal_trainings_change_nothing():
    draws = np.random.default_rng(0).normal(0.8, 0.02, (1, 1 + DRAWS))
    found = Interval(0.8, 0.75, 0.83)
    assert over_trainings(found, draws) == found
    assert over_trainings(found, np.repeat(draws, 4, 0)) == pytest.approx(found)


def test_without_variation_among_patients_it_is_the_t_interval():
    values = np.array([0.7, 0.8, 0.75, 0.9])
    draws = np.repeat(values[:, None], 1 + DRAWS, 1)
    found = over_trainings(Interval(values.mean(), values.mean(), values.mean()), draws)
    expected = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)
    assert spread_of(draws).freedom == pytest.approx(3)


def test_the_ends_of_an_interval_have_a_p_value_of_five_percent():
    found = Interval(0.1, 0.04, 0.2)
    for freedom in (2, 9.5, np.inf):
        assert p_value(found, found.low, freedom) == pytest.approx(0.05)
        assert p_value(found, found.high, freedom) == pytest.approx(0.05)
        assert p_value(found, 0.0, freedom) < 0.05 < p_value(found, 0.05, freedom)
    assert p_value(found, 0.1) == 1 and np.isnan(p_value(Interval(0.1, np.nan, np.nan)))
    assert p_value(Interval(1, 1, 1), 0) == 0


@pytest.mark.parametrize("count", [1, 2, 28])
def test_holm_agrees_with_statsmodels_and_keeps_its_promises(count):
    p = np.random.default_rng(count).beta(0.3, 2, count)
    corrected = holm(p)
    assert corrected == pytest.approx(multipletests(p, method="holm")[1])
    assert (corrected >= p).all() and (np.diff(corrected[np.argsort(p)]) >= 0).all()
    assert corrected[p.argmin()] == pytest.approx(min(1, count * p.min()))  # as Bonferroni
    untested = holm(np.append(p, np.nan))
    assert untested[:-1] == pytest.approx(corrected) and np.isnan(untested[-1])


@pytest.mark.parametrize("by_class", [False, True])
def test_the_first_matrix_is_that_of_all_patients_and_resamples_are_as_large(by_class):
    found = Grades().predictions(np.random.default_rng(0), 80)
    (tables,) = resampled_confusions([found], 0, by_class)
    assert np.array_equal(tables[0], found.confusion) and len(tables) == 1 + DRAWS
    assert tables.sum((1, 2)) == pytest.approx(np.full(1 + DRAWS, 80))
    if by_class:
        assert tables.sum(-1) == pytest.approx(np.tile(found.confusion.sum(1), (1 + DRAWS, 1)))


def test_a_warning_names_the_classes_with_few_patients():
    found = Grades().predictions(np.random.default_rng(0), 80)
    assert few_patients(found) == "fewer than 10 patients of d"
    assert few_patients(found.take(found.labels < 2)) == "fewer than 10 patients of c, d"
    assert few_patients(Grades().predictions(np.random.default_rng(0), 2000)) == ""


def test_trainings_are_counted_in_words():
    assert [count_trainings(n) for n in (1, 2)] == ["one training", "2 trainings"]
