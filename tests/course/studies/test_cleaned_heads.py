"""Repairs lie between chance and an oracle, and a trusted judge needs no clean delivery."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from rows_as_images import PATIENTS, features, mark, split_of

from utils.contamination.backdoor import Poison
from utils.contamination.label_noise import ImageDependent, Symmetric
from utils.course.studies.cleaned_heads import CleanedHeads
from utils.evaluation.predictions import pool_trainings

TRAIN, TEST = split_of(900, 0), split_of(600, 1)
STUDY = CleanedHeads(TRAIN, features, strength=1.0)
REPEATS = [STUDY.repeat(Symmetric(rate=0.25), {"clean": TEST}, seed) for seed in range(3)]
POISON = Poison(mark, target=0, rate=0.08)


def accuracy(name: str) -> float:
    return pool_trainings([each.answers[name]["clean"] for each in REPEATS]).accuracy


def test_a_detector_gains_what_chance_does_not_and_an_oracle_more():
    chance, dropped = accuracy("as many dropped at random"), accuracy("flagged dropped")
    assert chance < dropped < accuracy("dropped by an oracle")
    assert accuracy("flagged relabelled") > accuracy("as delivered")


def test_the_share_is_estimated_and_the_suspicious_labels_are_wrong():
    for each in REPEATS:
        assert each.estimate.value == pytest.approx(each.wrong.mean(), abs=0.1)
        assert each.dropped.mean() == pytest.approx(each.estimate.value, abs=0.01)
        assert each.wrong[np.argsort(-each.scores)[: each.wrong.sum() // 2]].mean() > 0.8


def test_every_repeat_has_other_patients_and_other_errors_but_the_same_test():
    first, second, _ = REPEATS
    assert set(first.delivered.patients) != set(second.delivered.patients)
    assert len(set(first.delivered.patients)) == pytest.approx(0.6 * PATIENTS, abs=3)
    for way in first.answers:
        assert np.array_equal(first.answers[way]["clean"].labels, TEST.labels)


def test_a_trusted_judge_disarms_a_trigger_that_out_of_fold_heads_obey():
    tests = {"clean": TEST, "trigger": POISON.with_trigger(TEST)}
    found = replace(STUDY, trusted=split_of(240, 2)).repeat(POISON, tests, 0)
    before, after = (found.answers[way] for way in ("as delivered", "flagged dropped"))
    assert before["trigger"].accuracy > 0.8 and after["trigger"].accuracy < 0.3
    assert after["clean"].accuracy > before["clean"].accuracy - 0.05
    assert found.wrong[found.dropped].mean() > 0.5


def test_an_untouched_head_knows_the_patients_of_the_delivery_and_no_trigger():
    tests = {"trigger": POISON.with_trigger(TEST), "control": POISON.without_trigger(TEST)}
    poisoned = STUDY.repeat(POISON, tests, 0).answers["as delivered"]
    never = STUDY.untouched(tests, 0)
    assert poisoned["trigger"].accuracy > 0.8 and never["trigger"].accuracy < 0.4
    same = STUDY.repeat(replace(POISON, rate=0.0), tests, 0).answers["as delivered"]
    for on in tests:
        assert np.allclose(never[on].probabilities, same[on].probabilities)


def test_features_of_changed_images_are_made_anew():
    found = STUDY.repeat(POISON, {}, 0)
    assert np.array_equal(found.rows, features(found.delivered))


def test_errors_of_hard_images_stay_those_images():
    said = torch.from_numpy(STUDY.judged(TRAIN, features(TRAIN)).probabilities)
    found = STUDY.repeat(ImageDependent(said, rate=0.1), {}, seed=0)
    assert 0.02 < found.wrong.mean() < 0.2
