"""Wrong labels: how many there are, by hand and by cleanlab."""

import numpy as np
import pytest
from small import skilled_probabilities

from utils.detection.label_errors import label_error_scores, wrong_label_share

CLASSES = 3


def given(share: float, count: int = 900, skill: float = 3.0, seed: int = 0):
    """Labels of which this share is wrong, what a network predicts, and which are wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, CLASSES, count)
    wrong = rng.permutation(count) < share * count
    labels = np.where(wrong, (truth + rng.integers(1, CLASSES, count)) % CLASSES, truth)
    return labels, skilled_probabilities(rng, truth, CLASSES, skill), wrong


def test_a_joint_by_hand():
    """Two classes; the means of the given labels are .65 and .7, and one image is sure of none."""
    labels = [0, 0, 0, 0, 1, 1]
    first = np.array([0.9, 0.8, 0.62, 0.28, 0.3, 0.3])  # probabilities of class 0
    # class 0: two sure of 0, one of none, one sure of 1; scaled from three images to four
    joint = np.array([[8 / 3, 4 / 3], [0, 2]])
    assert joint[0, 1] / joint.sum() == pytest.approx(2 / 9)
    assert wrong_label_share(labels, np.stack([first, 1 - first], 1)).value == pytest.approx(2 / 9)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("skill", [1.0, 3.0])
def test_the_joint_is_that_of_cleanlab(share, skill):
    count = pytest.importorskip("cleanlab.count")
    labels, probabilities, _ = given(share, skill=skill)
    joint = count.estimate_joint(labels, probabilities)
    share = 1 - np.trace(joint)
    assert wrong_label_share(labels, probabilities).value == pytest.approx(share, abs=2e-3)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4])
def test_networks_that_know_the_classes_count_the_errors(share):
    labels, probabilities, wrong = given(share, skill=6.0)
    found = wrong_label_share(labels, probabilities)
    assert found.low <= wrong.mean() <= found.high
    assert found.value == pytest.approx(share, abs=0.02)


def test_networks_that_know_little_count_too_many():
    labels, probabilities, _ = given(0.05, skill=1.5)
    assert wrong_label_share(labels, probabilities).low > 0.05


def test_several_images_of_a_patient_are_no_more_evidence():
    labels, probabilities, _ = given(0.2)
    three = np.tile(np.arange(len(labels)), 3)
    alone = wrong_label_share(labels, probabilities)
    thrice = wrong_label_share(np.tile(labels, 3), np.tile(probabilities, (3, 1)), three)
    assert thrice == pytest.approx(alone, abs=0.01)


def test_a_class_without_images_is_left_out():
    labels, probabilities, _ = given(0.1)
    few = labels < CLASSES - 1
    without = wrong_label_share(labels[few], probabilities[few][:, :-1])
    assert wrong_label_share(labels[few], probabilities[few]) == pytest.approx(without)
    assert np.isfinite(label_error_scores(labels[few], probabilities[few])).all()
