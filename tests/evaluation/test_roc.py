"""How well a score separates two classes: as scikit-learn computes it, with sound intervals."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from utils.evaluation.roc import auroc, roc_scores, weights_of_images

TPR = "TPR at 1% FPR"


def some(count: int = 600, digits: int = 8):
    rng = np.random.default_rng(0)
    positive = rng.random(count) < 0.3
    return (rng.normal(size=count) + 2 * positive).round(digits), positive


@pytest.mark.parametrize("digits", [0, 1, 8])  # few digits make many ties
def test_agrees_with_scikit_learn(digits):
    scores, positive = some(digits=digits)
    found = roc_scores(scores, positive)
    alarms, hits, _ = roc_curve(positive, scores, drop_intermediate=False)
    assert found.loc["AUROC", "value"] == pytest.approx(roc_auc_score(positive, scores))
    assert found.loc[TPR, "value"] == pytest.approx(hits[alarms <= 0.01].max())
    assert (found["low"] < found["value"]).all() and (found["value"] < found["high"]).all()


@pytest.mark.parametrize("digits", [0, 8])
def test_every_resample_has_the_area_that_scikit_learn_gives_it(digits):
    scores, positive = some(90, digits)
    member = np.arange(90) // 3  # three images of each patient
    drawn = np.random.default_rng(1).multinomial(30, np.full(30, 1 / 30), 5)
    weights = weights_of_images(member, drawn)
    expected = [roc_auc_score(positive, scores, sample_weight=row) for row in weights]
    assert (weights[0] == 1).all() and (weights[1:] == drawn[:, member]).all()
    assert auroc(scores, positive, weights) == pytest.approx(expected)


def test_of_fewer_than_a_hundred_negatives_none_may_be_flagged():
    scores, positive = np.arange(60.0), np.arange(60) % 2 == 1
    positive[50:] = True  # the ten highest
    assert roc_scores(scores, positive).loc[TPR, "value"] == 11 / 35


def test_perfect_useless_and_wrong_way_round():
    positive = np.arange(200) % 10 == 0
    perfect = roc_scores(positive.astype(float), positive)
    assert (perfect["value"] == 1).all()
    assert perfect["low"].to_numpy() == pytest.approx(0.025 ** (1 / 20))  # 20 are positive
    useless = roc_scores(np.zeros(200), positive)
    assert useless["value"].to_list() == [0.5, 0.0]
    reverse = roc_scores(-positive.astype(float), positive)
    assert reverse["value"].to_list() == [0.0, 0.0] and (reverse["high"] > 0).all()


def test_more_pictures_of_the_same_patients_do_not_narrow_the_interval():
    scores, positive = some(120)
    once = roc_scores(scores, positive)
    many = [np.repeat(values, 5) for values in (scores, positive, np.arange(120))]
    assert np.allclose(roc_scores(*many), once)
    unaware, once = (table.loc["AUROC"] for table in (roc_scores(*many[:2]), once))
    assert unaware["high"] - unaware["low"] < 0.6 * (once["high"] - once["low"])


def test_without_both_classes_there_is_no_number():
    for positive in (np.ones(5, bool), np.zeros(5, bool)):
        assert roc_scores(np.arange(5.0), positive).isna().all(axis=None)


@pytest.mark.parametrize("scores", [np.full(5, np.nan), np.arange(4.0)])
def test_a_missing_score_is_refused(scores):
    with pytest.raises(ValueError, match="a finite score for each image"):
        roc_scores(scores, np.arange(5) > 2)
