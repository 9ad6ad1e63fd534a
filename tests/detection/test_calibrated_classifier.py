"""Calibrated on other patients, for any prior."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import logit

from utils.contamination.base import KINDS
from utils.data.split import Split
from utils.detection.calibrated_classifier import fit_calibrated, shift_prior
from utils.evaluation.uncertainty.calibration import calibration_error


def case(bad: float = 0.15, count: int = 1500, shift: float = 2.0, seed: int = 0):
    """Noise and poison, each raises a feature; two images per patient."""
    rng = np.random.default_rng(seed)
    kinds = np.where(rng.random(count) < bad, rng.choice([1, 3], count), 0)
    table = pd.DataFrame(rng.normal(size=(count, 3)), columns=list("abc"))
    table.loc[kinds == 1, "a"] += shift
    table.loc[kinds == 3, "b"] += shift
    images = torch.zeros(count, 1, 2, 2, dtype=torch.uint8)
    patients = torch.arange(count) // 2
    return table, Split(
        images, torch.zeros(count).long(), ("x",), patients, changed=torch.from_numpy(kinds)
    )


FITTED = fit_calibrated(case(bad=0.15, count=3000))


def test_probabilities_are_right_in_the_mean_on_other_patients():
    other = case(seed=1)
    found = FITTED.predict(other)
    assert np.allclose(found.probabilities.sum(1), 1)
    for kind in (0, 1, 3):
        share = (found.labels == kind).mean()
        assert found.probabilities[:, kind].mean() == pytest.approx(share, abs=0.03)
    assert calibration_error(found).value < 0.06
    absent = [KINDS.index(kind) for kind in ("label error", "fake")]
    assert (found.probabilities[:, absent] == 0).all()


def test_a_stated_prior_makes_them_right_where_little_is_contaminated():
    rare = case(bad=0.05, seed=2)
    plain, stated = FITTED.predict(rare), FITTED.with_prior(0.05).predict(rare)
    assert 1 - stated.probabilities[:, 0].mean() == pytest.approx(0.05, abs=0.04)
    assert calibration_error(stated).value < calibration_error(plain).value


@pytest.mark.parametrize("prior", [0.001, 0.3, 0.9])
def test_a_prior_shifts_the_log_odds_of_clean_by_a_constant(prior):
    table = pd.DataFrame(np.random.default_rng(0).dirichlet(np.ones(len(KINDS)), 50), columns=KINDS)
    shifted = shift_prior(table, 0.3, prior)
    assert np.allclose(shifted.sum(axis=1), 1)
    moved = logit(shifted["clean"]) - logit(table["clean"])
    assert np.allclose(moved, logit(1 - prior) - logit(0.7))
    among = table.drop(columns="clean"), shifted.drop(columns="clean")
    assert np.allclose(*(rows.div(rows.sum(axis=1), axis=0) for rows in among))


def test_no_prior_changes_the_order_or_the_scores():
    table, _ = case(seed=1)
    assert np.array_equal(FITTED.score(table), FITTED.with_prior(0.01).score(table))
    first, second = (1 - each.probabilities(table)["clean"] for each in
                     (FITTED, FITTED.with_prior(0.01)))  # fmt: skip
    assert (np.diff(second.to_numpy()[np.argsort(first, kind="stable")]) > -1e-9).all()


def test_the_promised_false_alarms_come_true_on_other_patients():
    threshold = FITTED.threshold(0.05)
    promised = FITTED.false_alarms(threshold)
    table, split = case(bad=0.1, count=3000, seed=3)
    flagged = (FITTED.score(table) > threshold)[split.changed.numpy() == 0]
    found = 1000 * flagged.mean()
    assert promised.value <= 50 and promised.low - 15 < found < promised.high + 15


@pytest.mark.parametrize("prior", [0, 1, -0.2])
def test_a_prior_that_leaves_nothing_to_decide_is_refused(prior):
    with pytest.raises(ValueError, match="between 0 and 1"):
        FITTED.with_prior(prior)


def test_the_shares_of_other_patients_are_estimated_without_their_truth():
    table, split = case(bad=0.1, seed=4)
    found = FITTED.shares((table, split))
    assert list(found.index) == ["clean", "noise", "poison"]
    for kind in found.index:
        share = (split.changed == KINDS.index(kind)).float().mean()
        assert found["low"][kind] - 0.03 <= share <= found["high"][kind] + 0.03
    blind = replace(split, changed=None)
    assert FITTED.shares((table, blind)).equals(found)
