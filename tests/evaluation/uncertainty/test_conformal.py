"""Conformal sets keep their promise on simulated patients, and lose it when these change."""

import numpy as np
import pytest
from numpy.random import default_rng
from scipy.special import softmax
from scipy.stats import kstest
from small import skilled_probabilities

from utils.evaluation.predictions import Predictions
from utils.evaluation.uncertainty.conformal import (
    ALL,
    CONFORMITY_SCORES,
    Conformal,
    conformal_quantile,
    coverage_difference,
    fit_conformal,
)

EVERY = pytest.mark.parametrize("score", CONFORMITY_SCORES)


def patients(count: int, seed: int, skill: float = 1.5, per_group: int = 1) -> Predictions:
    """Exchangeable patients of three unequal classes, before a model that knows something."""
    rng = default_rng(seed)
    labels = rng.choice(3, count, p=[0.6, 0.3, 0.1])
    probabilities = skilled_probabilities(rng, labels, 3, skill)
    return Predictions(labels, probabilities, np.arange(count) // per_group, ("a", "b", "c"))


@EVERY
@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_new_patients_are_covered_as_often_as_promised(score, alpha):
    count, trials = 99, 300
    covered = [
        fit_conformal(patients(count, seed), score, alpha, seed)(patients(200, 9000 + seed)).covered
        for seed in range(trials)
    ]
    share, error = np.mean(covered), np.std(np.mean(covered, 1)) / trials**0.5
    assert 1 - alpha - 3 * error < share < 1 - alpha + 1 / (count + 1) + 3 * error


@EVERY
def test_a_model_that_changes_for_the_worse_breaks_the_promise(score):
    sets = fit_conformal(patients(500, 0), score)
    before, after = sets(patients(2000, 1)), sets(patients(2000, 1, skill=0))
    assert after.coverage.high < 0.8 < 0.86 < before.coverage.value
    lost = coverage_difference(before, after)
    gap = before.coverage.value - after.coverage.value
    assert lost.value == pytest.approx(gap) and 0.05 < lost.low < lost.high


@pytest.mark.parametrize("count", [9, 10, 39, 100])
@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.5])
def test_the_threshold_is_the_quantile_of_the_formula(count, alpha):
    scores = default_rng(0).random(count)
    share = np.ceil(round((count + 1) * (1 - alpha), 9)) / count
    witness = np.quantile(scores, min(1, share), method="inverted_cdf")
    assert conformal_quantile(scores, alpha) == witness


def test_of_the_calibration_patients_the_threshold_covers_exactly_its_rank():
    found = patients(99, 0)
    assert fit_conformal(found, "LAC", 0.1)(found).covered.sum() == 90


def test_with_too_few_patients_every_class_stays_in_the_set():
    assert conformal_quantile(np.zeros(8), 0.1) == np.inf
    assert conformal_quantile(np.zeros(9), 0.1) == 0
    sets = fit_conformal(patients(8, 0))(patients(50, 1))
    assert sets.covered.all() and (sets.sizes == 3).all()


def test_the_scores_of_true_probabilities_are_uniform():
    rng = default_rng(0)
    probabilities = softmax(rng.normal(0, 2, (3000, 4)), axis=1)
    labels = (probabilities.cumsum(1) > rng.random((3000, 1))).argmax(1)
    scores = CONFORMITY_SCORES["APS"](probabilities, rng)[np.arange(3000), labels]
    assert kstest(scores, "uniform").pvalue > 0.05
    assert conformal_quantile(scores, 0.1) == pytest.approx(0.9, abs=0.02)


def test_scores_by_hand():
    probabilities = np.array([[0.2, 0.7, 0.1]])
    assert CONFORMITY_SCORES["LAC"](probabilities, default_rng(0)) == pytest.approx(
        1 - probabilities
    )
    part = default_rng(0).random()
    expected = [0.9 - 0.2 * part, 0.7 - 0.7 * part, 1.0 - 0.1 * part]
    assert CONFORMITY_SCORES["APS"](probabilities, default_rng(0))[0] == pytest.approx(expected)


@EVERY
def test_the_order_of_the_classes_does_not_matter(score):
    turned, calibration, new = [2, 0, 1], patients(200, 0), patients(100, 1)

    def reorder(found: Predictions) -> Predictions:
        names = tuple(found.class_names[k] for k in turned)
        labels = np.argsort(turned)[found.labels]
        return Predictions(labels, found.probabilities[:, turned], found.groups, names)

    plain = fit_conformal(calibration, score)(new)
    other = fit_conformal(reorder(calibration), score)(reorder(new))
    assert np.array_equal(other.members, plain.members[:, turned])


@EVERY
def test_a_stronger_promise_makes_larger_sets(score):
    new, calibration = patients(300, 1), patients(300, 0)
    members = [fit_conformal(calibration, score, alpha)(new).members for alpha in (0.3, 0.1, 0.02)]
    for smaller, larger in zip(members, members[1:], strict=False):
        assert (smaller <= larger).all() and smaller.sum() < larger.sum()


@EVERY
def test_each_patient_counts_once_however_many_images_there_are(score):
    """A patient with a hundred images, all hopeless, is one patient of two hundred."""
    found = patients(200, 0)
    crowd = found.take(np.concatenate([np.arange(200), np.full(99, 7)]))
    hopeless = np.where(crowd.groups == 7, (crowd.labels + 1) % 3, crowd.labels)
    threshold = fit_conformal(Predictions(hopeless, *_rest(crowd)), score).threshold
    assert abs(threshold - fit_conformal(found, score).threshold) < 0.05
    unaware = Predictions(hopeless, crowd.probabilities, np.arange(299), crowd.class_names)
    assert fit_conformal(unaware, score).threshold > threshold + 0.05


def _rest(found: Predictions) -> tuple:
    return found.probabilities, found.groups, found.class_names


def test_coverage_and_size_are_counted_by_class():
    new = patients(400, 1)
    sets = fit_conformal(patients(300, 0))(new)
    assert list(sets.by_class) == [ALL, "a", "b", "c"] and sets.by_class[ALL] is sets
    for label, name in enumerate(new.class_names):
        own = new.labels == label
        assert sets.by_class[name].coverage.value == pytest.approx(sets.members[own, label].mean())
        assert sets.by_class[name].size.value == pytest.approx(sets.members[own].sum(1).mean())
    each = [sets.by_class[name].coverage.value for name in "abc"]
    mean = np.average(each, weights=np.bincount(new.labels))
    assert sets.coverage.value == pytest.approx(mean)
    assert sets.coverage.low < mean < sets.coverage.high


@EVERY
def test_sets_are_the_same_each_time(score):
    first, again = (fit_conformal(patients(99, 0), score)(patients(50, 1)) for _ in range(2))
    assert np.array_equal(first.members, again.members)


@pytest.mark.parametrize("alpha", [0, 1, 1.5])
def test_an_alpha_that_is_no_share_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha is a share"):
        fit_conformal(patients(50, 0), alpha=alpha)


def test_an_unknown_score_is_refused():
    with pytest.raises(ValueError, match="choose from LAC, APS"):
        fit_conformal(patients(50, 0), "RAPS")


def test_sets_of_other_patients_are_not_compared():
    sets = Conformal(0.5, "LAC")
    with pytest.raises(ValueError, match="the same images"):
        coverage_difference(sets(patients(20, 0)), sets(patients(30, 0)))
