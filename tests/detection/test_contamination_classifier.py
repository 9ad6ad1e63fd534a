"""The classifier of contaminations: right on known kinds, honest on unknown ones."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from utils.contamination.base import KINDS
from utils.data.split import Split
from utils.detection.contamination_classifier import (
    ContaminationClassifier,
    cross_patient_predict,
    rank_images,
)


def case(shift: float = 4.0, seed: int = 0, met=(1, 2, 3, 4)):
    """Features of which each kind raises its own, and the split that they belong to."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(np.repeat([0, *met], [240] + [30] * len(met)))
    table = pd.DataFrame(rng.normal(size=(len(kinds), 5)), columns=list("abcde"))
    for kind, column in enumerate("abcd", start=1):
        table.loc[kinds == kind, column] += shift
    images = torch.zeros(len(kinds), 1, 2, 2, dtype=torch.uint8)
    changed = torch.from_numpy(kinds)
    return table, Split(images, torch.zeros(len(kinds)).long(), ("x",), changed=changed)


CLASSIFIER = ContaminationClassifier().fit([case(seed=0), case(seed=1)])


def test_a_probability_for_each_kind_that_is_mostly_right():
    table, split = case(seed=2)
    said = CLASSIFIER.probabilities(table)
    assert tuple(said.columns) == KINDS and np.allclose(said.sum(axis=1), 1)
    assert (said.to_numpy().argmax(1) == split.changed.numpy()).mean() > 0.9
    blind = ContaminationClassifier().fit([case(shift=0.0)])
    guessing = blind.probabilities(case(shift=0.0, seed=2)[0])
    assert (guessing.to_numpy().argmax(1) == 0).mean() > 0.95


def test_features_count_in_units_of_their_own_split():
    table, _ = case(seed=2)
    assert np.allclose(CLASSIFIER.probabilities(100 * table - 7), CLASSIFIER.probabilities(table))
    assert np.allclose(
        CLASSIFIER.probabilities(table[list("edcba")]), CLASSIFIER.probabilities(table)
    )


def test_a_kind_without_examples_gets_zero_but_can_still_be_suspicious():
    blind = ContaminationClassifier().fit([case(seed=0), case(seed=1)], without=["poison"])
    table, split = case(seed=2)
    said, poisoned = blind.probabilities(table), split.changed == KINDS.index("poison")
    assert (said["poison"] == 0).all() and np.allclose(said.sum(axis=1), 1)
    either = (poisoned | (split.changed == 0)).numpy()
    assert roc_auc_score(poisoned[either], CLASSIFIER.probabilities(table)["poison"][either]) > 0.98
    with pytest.raises(ValueError, match="unknown kind 'poisson'; choose from noise, label"):
        ContaminationClassifier().fit([case()], without=["poisson"])
    with pytest.raises(ValueError, match="unknown kind 'clean'"):
        ContaminationClassifier().fit([case()], without=["clean"])


def test_no_patient_is_predicted_by_a_classifier_that_learned_from_them(monkeypatch):
    (table, split), patients = case(), torch.arange(360) // 6
    split, pairs = replace(split, groups=patients), []

    class Witness(ContaminationClassifier):
        def fit(self, cases, without=()):
            self.learned = set(cases[0][1].groups.tolist())
            return super().fit(cases, without)

        def probabilities(self, features):
            pairs.append((self.learned, set(patients[features.index].tolist())))
            return super().probabilities(features)

    module = "utils.detection.contamination_classifier.ContaminationClassifier"
    monkeypatch.setattr(module, Witness)
    found = cross_patient_predict((table, split), (table, split))
    assert list(found.index) == list(range(360))
    assert [len(predicted) for _, predicted in pairs] == [30, 30]
    assert all(len(learned) == 30 and not learned & predicted for learned, predicted in pairs)


def test_predictions_for_other_patients_are_mostly_right_too():
    (taught, known), (table, split) = case(seed=0), case(seed=0)
    said = cross_patient_predict((taught, known), (table, split), without=["poison"])
    assert (said["poison"] == 0).all()
    said = cross_patient_predict((taught, known), (table, split))
    assert (said.to_numpy().argmax(1) == split.changed.numpy()).mean() > 0.9
    with pytest.raises(ValueError, match="the same images"):
        cross_patient_predict((taught, known), (table[:10], split.take(range(10))))


def test_images_are_ranked_and_their_likeliest_kind_named():
    table, split = case(seed=2)
    ranked = rank_images(split, CLASSIFIER.probabilities(table))
    assert sorted(ranked["image"]) == list(range(len(split)))
    assert ranked["suspicion"].is_monotonic_decreasing
    top = ranked.head(60)
    truth = [KINDS[kind] for kind in split.changed[top["image"].to_list()]]
    assert np.mean(np.array(truth) == top["likeliest"]) > 0.9


def test_the_score_is_the_probability_of_any_contamination():
    table, _ = case(seed=2)
    expected = 1 - CLASSIFIER.probabilities(table)["clean"]
    assert np.array_equal(CLASSIFIER.score(table), expected)
