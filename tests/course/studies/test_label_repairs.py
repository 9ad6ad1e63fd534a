"""Repairs of labels lie between chance and an oracle."""

import numpy as np
import pytest
import torch

from utils.contamination.label_noise import ImageDependent, Symmetric
from utils.course.studies.label_repairs import LabelRepairs
from utils.data.split import Split
from utils.evaluation.predictions import pool_trainings

WIDTH = 60


def features(count: int, seed: int) -> tuple[Split, np.ndarray]:
    """Three classes in many dimensions: a head can learn wrong labels by heart."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    rows = rng.normal(size=(count, WIDTH)) + 2.5 * np.eye(3, WIDTH)[labels]
    images = torch.zeros(count, 1, 2, 2, dtype=torch.uint8)
    patients = torch.arange(count) // 3 if count > 600 else torch.arange(count)
    return Split(images, torch.from_numpy(labels), ("a", "b", "c"), patients), rows


TRAIN, TEST = features(900, 0), features(600, 1)
STUDY = LabelRepairs(*TRAIN, *TEST, strength=1.0)
REPEATS = [STUDY.repeat(Symmetric(rate=0.25), seed) for seed in range(3)]


def accuracy(name: str) -> float:
    return pool_trainings([each.answers[name] for each in REPEATS]).accuracy


def test_a_detector_gains_what_chance_does_not_and_an_oracle_more():
    chance, dropped = accuracy("as many dropped at random"), accuracy("flagged dropped")
    assert chance < dropped < accuracy("wrong ones dropped by an oracle")
    assert accuracy("flagged relabelled") > accuracy("as delivered")


def test_the_share_is_estimated_and_the_suspicious_labels_are_wrong():
    for each in REPEATS:
        assert each.estimate.low - 0.05 < each.wrong.mean() < each.estimate.high + 0.05
        worst = np.argsort(-each.scores)[: each.wrong.sum() // 2]
        assert each.wrong[worst].mean() > 0.8


def test_every_repeat_has_other_patients_and_other_errors_but_the_same_test():
    first, second, _ = REPEATS
    assert set(first.delivered.patients) != set(second.delivered.patients)
    assert len(set(first.delivered.patients)) == pytest.approx(0.6 * 300, abs=3)
    for name in first.answers:
        assert np.array_equal(first.answers[name].labels, TEST[0].labels)


def test_no_head_predicts_a_patient_from_whom_it_has_learned(monkeypatch):
    learned, fit = [], LabelRepairs._fit

    def watched(self, split, rows):
        learned.append(set(split.patients))
        return fit(self, split, rows)

    monkeypatch.setattr(LabelRepairs, "_fit", watched)
    STUDY.out_of_fold(*TRAIN)
    assert len(learned) == STUDY.folds
    assert all(len(known) == 240 for known in learned)
    left_out = [set(TRAIN[0].patients) - known for known in learned]
    assert sum(map(len, left_out)) == len(set.union(*left_out)) == 300


def test_errors_of_hard_images_stay_those_images():
    probabilities = torch.from_numpy(STUDY.out_of_fold(*TRAIN))
    found = STUDY.repeat(ImageDependent(probabilities, rate=0.1), seed=0)
    assert 0.02 < found.wrong.mean() < 0.2
    assert found.delivered.patients.max() < 300
