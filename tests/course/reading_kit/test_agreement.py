"""Kappa as two libraries compute it, in closed form, and the same whatever readers are called."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from utils.course.reading_kit.agreement import (
    cohen_kappa,
    fleiss_kappa,
    kappa_matrix,
    kappa_of,
)

NAMES = np.array(["none", "mild", "severe"])


def random_readings(readers: int, pictures: int, seed: int, alike: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shared = rng.integers(3, size=pictures)
    own = rng.integers(3, size=(readers, pictures))
    return NAMES[np.where(rng.random((readers, pictures)) < alike, shared, own)]


@pytest.mark.parametrize("seed", range(5))
def test_two_readers_as_sklearn_scores_them(seed):
    first, second = random_readings(2, 30, seed)
    witness = cohen_kappa_score(first, second)
    assert cohen_kappa(np.array([first, second]))[0] == pytest.approx(witness)
    assert kappa_of([first, second], range(30)).value == pytest.approx(witness)


@pytest.mark.parametrize("readers", [2, 3, 6])
def test_several_readers_as_statsmodels_scores_them(readers):
    inter_rater = pytest.importorskip("statsmodels.stats.inter_rater")
    readings = random_readings(readers, 40, readers)
    counts, _ = inter_rater.aggregate_raters(readings.T)
    witness = inter_rater.fleiss_kappa(counts)
    assert fleiss_kappa(readings)[0] == pytest.approx(witness)


CLOSED = {  # readings of two -> kappa
    "always the same": ("abab", "abab", 1.0),
    "as chance": ("aabb", "abab", 0.0),
    "never the same": ("abab", "baba", -1.0),
    "three of four": ("aabb", "aaab", 0.5),
}


@pytest.mark.parametrize("name", CLOSED)
def test_kappa_in_closed_form(name):
    first, second, kappa = CLOSED[name]
    assert cohen_kappa(np.array([list(first), list(second)]))[0] == pytest.approx(kappa)


def test_one_and_the_same_answer_leaves_nothing_to_agree_about():
    found = kappa_of(["aaaa", "aaaa"], range(4))
    assert np.isnan(found.value) and np.isnan(found.low)


def test_what_a_reader_has_not_decided_does_not_count():
    first, second = list("abab??"), list("abab") + ["", "b"]
    assert kappa_of([first, second], range(6)) == kappa_of(["abab", "abab"], range(4))
    assert np.isnan(kappa_of([["?"] * 3, ["a"] * 3], range(3)).value)


def test_interval_holds_the_value_and_shrinks_with_more_patients():
    widths = []
    for pictures in (20, 320):
        value, low, high = kappa_of(random_readings(3, pictures, 1, 0.7), range(pictures))
        assert low <= value <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_two_pictures_of_a_patient_are_not_two_observations():
    readings = np.repeat(random_readings(2, 30, 3, 0.6), 2, axis=1)
    apart = kappa_of(readings, range(60))
    together = kappa_of(readings, np.repeat(np.arange(30), 2))
    assert together.value == apart.value
    assert together.high - together.low > 1.2 * (apart.high - apart.low)


def test_the_matrix_is_symmetric_with_an_empty_diagonal():
    first, second, third = random_readings(3, 25, 4)
    table = kappa_matrix({"one": first, "two": second, "three": third})
    assert np.isnan(np.diag(table)).all()
    assert np.allclose(table, table.T, equal_nan=True)
    assert table.loc["one", "three"] == pytest.approx(cohen_kappa_score(first, third))
