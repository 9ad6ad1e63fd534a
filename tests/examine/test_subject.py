"""What several questions share is the same for all of them."""

import numpy as np

from utils.examine.examination import attacked_within


def test_the_attacked_images_are_balanced_and_their_rows_known(subject):
    few = subject.few
    assert set(few.counts.tolist()) == {10}
    assert len(set(few.patients)) == len(few)
    assert np.array_equal(subject.images.labels[subject.few_rows], few.labels)


def test_no_patient_sets_a_threshold_and_judges_it(subject):
    first, second = (set(subject.images.patients[rows]) for rows in subject.halves)
    assert not first & second and len(first) == len(second) == 60


def test_a_trained_network_has_learned_and_has_gradients(subject):
    assert subject.learned and subject.gradients and subject.leakage is None


def test_more_minutes_attack_more_images_up_to_a_limit():
    counts = [attacked_within(minutes, 1e-3) for minutes in (0.01, 5, 10, 1e6)]
    assert counts == sorted(counts) and counts[0] == 24 and counts[-1] == 200
