"""Predictions survive their file, whatever their classes are called, and can be pooled."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small import some_predictions

from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.metrics import scores
from utils.evaluation.predictions import (
    Predictions,
    as_method,
    pool_trainings,
    read_predictions,
)

CLASSES = ["a b c d", "0 1 2 3", "NA None null nan", "label group image p()"]


def test_several_trainings_are_averaged_and_make_no_new_patients():
    one = some_predictions(skill=1)
    other = replace(one, probabilities=some_predictions(skill=3, seed=1).probabilities[::-1])
    pooled = scores(pool_trainings([one, other]))
    mean = (scores(one)["value"] + scores(other)["value"]) / 2
    assert pooled["value"].to_numpy() == pytest.approx(mean.to_numpy())
    again = scores(pool_trainings([one, one]))
    assert again.to_numpy() == pytest.approx(scores(one).to_numpy(), abs=1e-12)
    with pytest.raises(ValueError, match="same images"):
        pool_trainings([one, one.take(slice(9))])
    with pytest.raises(ValueError, match="the same images"):
        pool_trainings([one, replace(one, labels=(one.labels + 1) % one.classes)])


def test_pooled_predictions_keep_which_training_each_row_is_from():
    one = some_predictions()
    two = replace(one, probabilities=one.probabilities[:, ::-1])
    pooled = pool_trainings([one, two])
    for alone, before in zip(pooled.by_training, (one, two), strict=True):
        assert np.array_equal(alone.probabilities, before.probabilities)
    assert all(alone.trainings is None for alone in pooled.by_training)
    some = pooled.take(pooled.labels > 0)
    assert len(some.by_training) == 2 and (some.by_training[1].labels > 0).all()
    assert len(pool_trainings([pooled, one]).by_training) == 3
    assert one.by_training == [one] and one.trainings is None


def test_a_network_taken_for_a_method_is_one_training():
    one = some_predictions()
    assert len(as_method(one).by_training) == 1 and as_method(one).trainings is not None
    pooled = pool_trainings([one, one])
    assert as_method(pooled) is pooled


def test_trainings_survive_the_file_beside_a_single_network(tmp_path):
    one = some_predictions()
    pooled = pool_trainings([one, replace(one, probabilities=one.probabilities[:, ::-1])])
    tables = [one.as_table("network", CLEAN), pooled.as_table("method", CLEAN)]
    assert list(tables[0].columns) == list(tables[1].columns)
    pd.concat(tables).to_csv(tmp_path / "table.csv", index=False)
    found = read_predictions(tmp_path / "table.csv")
    assert found["network"][CLEAN].trainings is None
    assert np.array_equal(found["method"][CLEAN].trainings, pooled.trainings)
    older = pd.concat(tables).drop(columns="training")  # of a run before there was the column
    older.to_csv(tmp_path / "older.csv", index=False)
    assert read_predictions(tmp_path / "older.csv")["method"][CLEAN].trainings is None


@pytest.mark.parametrize("names", CLASSES)
@pytest.mark.parametrize("condition", [CLEAN, Condition("pgd", 4 / 255, 2), "NA"], ids=str)
def test_predictions_survive_the_file(tmp_path, names, condition):
    before = replace(some_predictions(), class_names=tuple(names.split()))
    path = tmp_path / "predictions.csv.gz"
    before.as_table("a, b", condition).to_csv(path, index=False)
    [(variant, found)] = read_predictions(path).items()
    [(name, after)] = found.items()
    assert variant == "a, b" and str(name) == str(condition)
    assert after.class_names == before.class_names
    assert np.array_equal(after.labels, before.labels)
    assert np.array_equal(after.probabilities, before.probabilities)


def test_a_table_keeps_variants_and_conditions_apart_and_in_order(tmp_path):
    one, two = some_predictions(seed=0), some_predictions(seed=1)
    weak, strong = Condition("pgd", 4 / 255), Condition("pgd", 4 / 255, 1)
    rows = [("b", strong, one), ("b", CLEAN, two), ("a", weak, two)]
    table = pd.concat([each.as_table(variant, name) for variant, name, each in rows])
    table.to_csv(tmp_path / "table.csv", index=False)
    found = read_predictions(tmp_path / "table.csv")
    assert {v: list(each) for v, each in found.items()} == {"b": [strong, CLEAN], "a": [weak]}
    assert np.array_equal(found["b"][strong].probabilities, one.probabilities)
    columns = ["variant", "attack", "epsilon", "restarts", "image", "patient", "training", "label"]
    assert list(table.columns[:8]) == columns


def labelled_by_patient() -> Predictions:
    """Four patients with 1, 2, 3 and 4 images in a mixed order."""
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat([7, 2, 5, 9], [1, 2, 3, 4]))
    probabilities = rng.dirichlet(np.ones(3), len(groups))
    return Predictions(groups % 3, probabilities, groups, ("a", "b", "c"))


def test_one_row_per_patient_is_the_mean_over_the_images():
    images = labelled_by_patient()
    patients = images.by_patient
    assert patients.groups.tolist() == [2, 5, 7, 9]
    assert patients.labels.tolist() == [2, 2, 1, 0]
    for patient, row in zip(patients.groups, patients.probabilities, strict=True):
        assert row == pytest.approx(images.probabilities[images.groups == patient].mean(0))
    again = patients.by_patient
    assert np.array_equal(again.probabilities, patients.probabilities)


def test_patients_are_averaged_within_each_training():
    one = labelled_by_patient()
    two = replace(one, probabilities=one.probabilities[:, ::-1])
    pooled = pool_trainings([one, two]).by_patient
    for alone, before in zip(pooled.by_training, (one, two), strict=True):
        assert np.array_equal(alone.groups, before.by_patient.groups)
        assert alone.probabilities == pytest.approx(before.by_patient.probabilities)


def test_a_patient_with_two_classes_has_no_row():
    mixed = replace(labelled_by_patient(), labels=np.arange(10) % 3)
    with pytest.raises(ValueError, match="more than one class"):
        mixed.by_patient  # noqa: B018


@pytest.mark.parametrize("keep", [0, 30, 200])
def test_a_damaged_table_is_named(tmp_path, keep):
    path = tmp_path / "predictions.csv.gz"
    some_predictions().as_table("a", CLEAN).to_csv(path, index=False)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"csv\.gz is damaged .* run its notebook again"):
        read_predictions(path)
