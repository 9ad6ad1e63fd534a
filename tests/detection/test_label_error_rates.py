"""Error rates of labels, whole and by pairs of classes, against planted ones."""

import numpy as np
import pytest
from small import skilled_probabilities

from utils.detection.label_error_rates import LabelSlips, grouped_ratio
from utils.detection.label_errors import label_error_scores, wrong_label_share
from utils.evaluation.intervals import largest_unseen_share

CLASSES = 3


def given(rates, count=1500, skill=3.0, seed=0):
    """Labels by a table of rates: of the images of class j, the share that is labelled i."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, CLASSES, count)
    drawn = rng.random(count)[:, None] > np.cumsum(np.asarray(rates).T[truth], 1)
    return drawn.sum(1), skilled_probabilities(rng, truth, CLASSES, skill), truth


def symmetric(share):
    return np.full((CLASSES, CLASSES), share / 2) + np.eye(CLASSES) * (1 - 1.5 * share)


ONE_WAY = np.array([[1, 0, 0], [0, 0.85, 0], [0, 0.15, 1]])


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_planted_slips_are_counted(share):
    runs = [given(symmetric(share), seed=seed) for seed in range(20)]
    found = [LabelSlips.of(labels, probabilities).share for labels, probabilities, _ in runs]
    inside = sum(each.low <= share <= each.high for each in found)
    assert inside >= 16  # of 20; expected are 19
    assert np.mean([each.value for each in found]) == pytest.approx(share, rel=0.25)


def test_right_labels_count_as_right_and_the_share_has_an_upper_end():
    labels, probabilities, _ = given(symmetric(0), skill=8.0)
    found = LabelSlips.of(labels, probabilities).share
    assert found.value == found.low == 0 < found.high < 0.03


def test_errors_of_one_pair_are_named_by_this_pair():
    labels, probabilities, truth = given(ONE_WAY)
    found = LabelSlips.of(labels, probabilities)
    assert found.share.low < (labels != truth).mean() < found.share.high
    pairs = found.pairs()
    first, others = pairs.iloc[0], pairs.iloc[1:]
    assert (first["given"], first["likely"]) == (2, 1)
    assert first["low"] < ((labels == 2) & (truth == 1)).mean() < first["high"]
    assert others["share"].max() < 0.02 < first["low"]


def test_a_pair_that_no_slip_would_show_is_left_out():
    """Two classes that look the same: every probability is shared between them."""
    labels, probabilities, _ = given(symmetric(0))
    probabilities[:, :2] = probabilities[:, :2].mean(1, keepdims=True)
    pairs = LabelSlips.of(labels, probabilities).pairs()
    assert {(0, 1), (1, 0)}.isdisjoint(zip(pairs["given"], pairs["likely"], strict=True))
    assert {(0, 2), (2, 1)} <= set(zip(pairs["given"], pairs["likely"], strict=True))


@pytest.mark.parametrize("skill", [1.5, 2.0])
def test_fewer_errors_are_invented_than_by_the_confident_joint(skill):
    labels, probabilities, _ = given(symmetric(0.05), skill=skill)
    ours = LabelSlips.of(labels, probabilities).share
    joint = wrong_label_share(labels, probabilities)
    assert abs(ours.value - 0.05) < abs(joint.value - 0.05) / 2


def test_features_without_the_class_give_a_share_that_is_far_too_high():
    labels, _, _ = given(symmetric(0.05))
    noise = np.random.default_rng(1).dirichlet(np.ones(CLASSES), len(labels))
    assert LabelSlips.of(labels, noise).share.value > 0.4


def test_the_scores_of_labels_as_they_are_are_those_of_the_ranking():
    labels, probabilities, _ = given(symmetric(0.1))
    found = LabelSlips.of(labels, probabilities)
    assert np.array_equal(found.given, label_error_scores(labels, probabilities))
    slipped = (labels + 1) % CLASSES
    places = np.arange(len(labels))
    assert (found.scores[places, slipped] > found.given)[probabilities.argmax(1) == labels].all()


def test_as_many_of_the_first_are_wrong_as_are_expected():
    labels, probabilities, truth = given(symmetric(0.1), count=6000)
    found = LabelSlips.of(labels, probabilities)
    expected = found.expected_wrong((labels != truth).mean())
    wrong = np.cumsum((labels != truth)[found.order])
    for first in (100, 300, 600, 1200):
        assert expected[first - 1] == pytest.approx(wrong[first - 1], rel=0.1)


def test_several_images_of_a_patient_are_no_more_evidence():
    labels, probabilities, _ = given(symmetric(0.1), count=600)
    patients = np.repeat(np.arange(600), 4)
    four = LabelSlips.of(labels[patients], probabilities[patients], patients).share
    alone = LabelSlips.of(labels, probabilities).share
    assert four == pytest.approx(alone, abs=0.005)


def test_without_a_hit_the_ratio_ends_at_the_exact_bound():
    found = grouped_ratio(np.zeros(100), np.full(100, 0.2), np.arange(100))
    assert found == (0, 0, largest_unseen_share(20))
