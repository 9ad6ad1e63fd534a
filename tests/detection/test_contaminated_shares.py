"""Shares of a delivery, corrected by what the classifier is known to confuse."""

import numpy as np
import pytest

from utils.detection.contaminated_shares import estimated_shares
from utils.evaluation.predictions import Predictions

NAMES = ("clean", "noise", "poison")


def predicted(shares, count=4000, skill=1.5, seed=0) -> Predictions:
    """What a mediocre classifier makes of kinds with these shares, two images per patient."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(np.repeat(range(len(shares)), np.round(np.array(shares) * count)
                                      .astype(int)))  # fmt: skip
    logits = rng.normal(size=(len(kinds), len(NAMES))) + skill * np.eye(len(NAMES))[kinds]
    rows = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return Predictions(kinds, rows, np.arange(len(kinds)) // 2, NAMES)


KNOWN = predicted((0.4, 0.3, 0.3), seed=1)


@pytest.mark.parametrize("shares", [(0.9, 0.1, 0.0), (1.0, 0.0, 0.0), (0.5, 0.2, 0.3)])
def test_the_interval_holds_the_truth_where_plain_counting_misses_it(shares):
    delivered = predicted(shares)
    found = estimated_shares(delivered, KNOWN)
    for name, share in zip(NAMES, shares, strict=True):
        assert found["low"][name] - 0.01 <= share <= found["high"][name] + 0.01
    assert found["value"].sum() == pytest.approx(1) and (found["value"] >= 0).all()
    plain = delivered.probabilities.mean(0)
    assert abs(found["value"].to_numpy() - shares).max() < abs(plain - shares).max() / 2


def test_of_two_kinds_it_is_the_closed_form():
    known, delivered = predicted((0.5, 0.5), seed=2), predicted((0.8, 0.2))
    means = [known.probabilities[known.labels == kind, 1].mean() for kind in (0, 1)]
    two = [
        Predictions(
            p.labels, np.c_[1 - p.probabilities[:, 1], p.probabilities[:, 1]], p.groups, NAMES[:2]
        )  # fmt: skip
        for p in (delivered, known)
    ]
    expected = (delivered.probabilities[:, 1].mean() - means[0]) / (means[1] - means[0])
    assert estimated_shares(*two)["value"]["noise"] == pytest.approx(expected, abs=1e-4)


def test_it_has_a_row_for_each_known_kind_only():
    known = KNOWN.take(np.flatnonzero(KNOWN.labels != 1))
    assert list(estimated_shares(predicted((0.8, 0.0, 0.2)), known).index) == ["clean", "poison"]


def test_fewer_patients_give_a_wider_interval():
    few, many = (estimated_shares(predicted((0.8, 0.1, 0.1), n), KNOWN) for n in (300, 4000))
    assert (few["high"] - few["low"])["noise"] > 1.5 * (many["high"] - many["low"])["noise"]
