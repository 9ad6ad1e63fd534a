"""Whether a suspicion finds the guilty: the same numbers as scikit-learn, and honest intervals."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from utils.evaluation.roc import roc_scores

CAUGHT = "TPR at 1% FPR"


def some(count: int = 600, digits: int = 8):
    rng = np.random.default_rng(0)
    guilty = rng.random(count) < 0.3
    return (rng.normal(size=count) + 2 * guilty).round(digits), guilty


@pytest.mark.parametrize("digits", [0, 1, 8])  # few digits make many ties
def test_agrees_with_scikit_learn(digits):
    suspicion, guilty = some(digits=digits)
    found = roc_scores(suspicion, guilty)
    alarms, hits, _ = roc_curve(guilty, suspicion, drop_intermediate=False)
    assert found.loc["AUROC", "value"] == pytest.approx(roc_auc_score(guilty, suspicion))
    assert found.loc[CAUGHT, "value"] == pytest.approx(hits[alarms <= 0.01].max())
    assert (found["low"] < found["value"]).all() and (found["value"] < found["high"]).all()


def test_of_fewer_than_a_hundred_innocents_none_may_be_accused():
    suspicion, guilty = np.arange(60.0), np.arange(60) % 2 == 1
    guilty[50:] = True  # the ten worst
    assert roc_scores(suspicion, guilty).loc[CAUGHT, "value"] == 11 / 35


def test_perfect_useless_and_wrong_way_round():
    guilty = np.arange(200) % 10 == 0
    perfect = roc_scores(guilty.astype(float), guilty)
    assert (perfect["value"] == 1).all()
    assert perfect["low"].to_numpy() == pytest.approx(0.025 ** (1 / 20))  # 20 were guilty
    useless = roc_scores(np.zeros(200), guilty)
    assert useless["value"].to_list() == [0.5, 0.0]
    reverse = roc_scores(-guilty.astype(float), guilty)
    assert reverse["value"].to_list() == [0.0, 0.0] and (reverse["high"] > 0).all()


def test_more_pictures_of_the_same_patients_do_not_make_us_surer():
    suspicion, guilty = some(120)
    once = roc_scores(suspicion, guilty)
    many = [np.repeat(values, 5) for values in (suspicion, guilty, np.arange(120))]
    assert np.allclose(roc_scores(*many), once)
    unaware, once = (table.loc["AUROC"] for table in (roc_scores(*many[:2]), once))
    assert unaware["high"] - unaware["low"] < 0.6 * (once["high"] - once["low"])


def test_without_innocents_or_guilty_there_is_no_number():
    for guilty in (np.ones(5, bool), np.zeros(5, bool)):
        assert roc_scores(np.arange(5.0), guilty).isna().all(axis=None)


@pytest.mark.parametrize("suspicion", [np.full(5, np.nan), np.arange(4.0)])
def test_a_missing_suspicion_is_refused(suspicion):
    with pytest.raises(ValueError, match="a finite suspicion for each image"):
        roc_scores(suspicion, np.arange(5) > 2)
