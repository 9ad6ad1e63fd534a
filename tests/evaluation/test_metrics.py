"""Scores against scikit-learn, intervals against closed forms."""

import numpy as np
import pytest
from sklearn import metrics as witness
from small import some_predictions

from utils.evaluation import metrics
from utils.evaluation.intervals import resamples
from utils.evaluation.metrics import score_of, scores
from utils.evaluation.predictions import Predictions

WITNESSES = {
    "accuracy": witness.accuracy_score,
    "balanced accuracy": witness.balanced_accuracy_score,
    "macro F1": lambda y, p: witness.f1_score(y, p, average="macro", labels=np.unique(y)),
    "macro precision": lambda y, p: witness.precision_score(
        y, p, average="macro", labels=np.unique(y), zero_division=0
    ),
}


@pytest.mark.parametrize("name", WITNESSES)
@pytest.mark.parametrize("skill", [0, 1.5, 20])
def test_agrees_with_scikit_learn(name, skill):
    predictions = some_predictions(skill=skill)
    expected = WITNESSES[name](predictions.labels, predictions.probabilities.argmax(1))
    assert scores(predictions).loc[name, "value"] == pytest.approx(expected)


@pytest.mark.parametrize("name", metrics.SCORES)
def test_one_score_is_the_same_as_among_all(name):
    predictions = some_predictions()
    assert score_of(predictions, name) == tuple(scores(predictions).loc[name])


def test_a_score_below_zero_lies_in_its_interval(monkeypatch):
    """Such as kappa, which someone may add to the table."""

    def kappa(confusion):
        total = confusion.sum((-2, -1))
        by_chance = (confusion.sum(-1) * confusion.sum(-2)).sum(-1) / total**2
        return (metrics.accuracy(confusion) - by_chance) / (1 - by_chance)

    monkeypatch.setitem(metrics.SCORES, "kappa", kappa)
    worse_than_chance = some_predictions(skill=-1.5)
    found = score_of(worse_than_chance, "kappa")
    predicted = worse_than_chance.probabilities.argmax(1)
    expected = witness.cohen_kappa_score(worse_than_chance.labels, predicted)
    assert found.value == pytest.approx(expected)
    assert found.low < found.value < found.high < 0


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("digits", [1, 8])  # one digit makes many ties
def test_auc_agrees_with_scikit_learn(classes, digits):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, classes, 200)
    probabilities = (rng.random((200, classes)) + np.eye(classes)[labels] / 2).round(digits)
    predictions = Predictions(labels, probabilities, np.arange(200), tuple("abcd"[:classes]))
    expected = [witness.roc_auc_score(labels == c, probabilities[:, c]) for c in range(classes)]
    assert scores(predictions).loc["AUC", "value"] == pytest.approx(np.mean(expected))


def test_a_resample_is_the_same_as_weights_to_scikit_learn():
    predictions = some_predictions()
    weights = resamples(100, seed=3)[:1]
    _, resampled = metrics.auc(predictions, weights)
    expected = [
        witness.roc_auc_score(
            predictions.labels == c,
            predictions.probabilities[:, c],
            sample_weight=np.repeat(weights[0], 3),
        )
        for c in range(4)
    ]
    assert resampled[0] == pytest.approx(np.mean(expected))


def test_confusion_times_support_is_accuracy():
    predictions = some_predictions()
    confusion = predictions.confusion
    recall = np.diag(confusion) / confusion.sum(1)
    support = confusion.sum(1) / confusion.sum()
    assert recall @ support == pytest.approx(predictions.accuracy)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    covered = 0
    for seed in range(200):
        found = score_of(some_predictions(count=90, skill=1, seed=seed))
        covered += found.low <= TRUE_ACCURACY <= found.high
    assert 0.88 <= covered / 200 <= 0.99


TRUE_ACCURACY = some_predictions(count=200_000, skill=1, seed=999).accuracy


def test_patients_that_agree_make_wider_intervals_than_lone_images():
    alone = some_predictions(per_group=1)
    copies = Predictions(
        alone.labels.repeat(5), alone.probabilities.repeat(5, 0), np.arange(1500) // 5, "abcd"
    )
    lone = Predictions(copies.labels, copies.probabilities, np.arange(1500), "abcd")
    together, apart = scores(copies).loc["accuracy"], scores(lone).loc["accuracy"]
    assert together["high"] - together["low"] > 1.8 * (apart["high"] - apart["low"])


@pytest.mark.parametrize("skill, value", [(-200, 0), (200, 1)])
def test_an_interval_at_the_edge_has_width(skill, value):
    row = scores(some_predictions(skill=skill)).loc["accuracy"]
    assert row["value"] == value and 0.02 < row["high"] - row["low"] < 0.05  # 1 - .025 ** (1 / 100)


def test_missed_disease_is_the_share_of_diseased_images_predicted_normal():
    found = some_predictions(skill=1)
    diseased = found.take(found.labels > 0)
    expected = (diseased.probabilities.argmax(1) == 0).mean()
    rate = score_of(found, "missed disease")
    assert 0 < rate.low < expected < rate.high
    assert rate.value == pytest.approx(expected)
    assert np.isnan(score_of(found.take(found.labels == 0), "missed disease").value)
