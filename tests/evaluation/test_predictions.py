"""Predictions survive their file, whatever their classes are called, and can be pooled."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from utils.evaluation.conditions import CLEAN, Condition
from utils.evaluation.metrics import scores
from utils.evaluation.predictions import Predictions, pool_seeds, read_predictions

CLASSES = ["a b c d", "0 1 2 3", "NA None null nan", "label group image p()"]


def some_predictions(count=300, classes=4, per_group=3, skill=1.5, seed=0) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, count, p=[0.5, 0.3, 0.15, 0.05][:classes])
    logits = rng.normal(size=(count, classes)) + skill * np.eye(classes)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    groups = np.arange(count) // per_group
    return Predictions(labels, probabilities, groups, tuple("abcd"[:classes]))


def test_several_trainings_are_averaged_and_make_no_new_patients():
    one = some_predictions(skill=1)
    other = replace(one, probabilities=some_predictions(skill=3, seed=1).probabilities[::-1])
    pooled = scores(pool_seeds([one, other]))
    mean = (scores(one)["value"] + scores(other)["value"]) / 2
    exact = ["accuracy", "balanced accuracy"]
    assert pooled["value"][exact].to_numpy() == pytest.approx(mean[exact].to_numpy())
    assert scores(pool_seeds([one, one])).drop("AUC").equals(scores(one).drop("AUC"))
    with pytest.raises(ValueError, match="same images"):
        pool_seeds([one, one.take(slice(9))])
    with pytest.raises(ValueError, match="the same images"):
        pool_seeds([one, replace(one, labels=(one.labels + 1) % one.classes)])


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
    columns = ["variant", "attack", "epsilon", "restarts", "image", "patient", "label"]
    assert list(table.columns[:7]) == columns


@pytest.mark.parametrize("keep", [0, 30, 200])
def test_a_damaged_table_is_named(tmp_path, keep):
    path = tmp_path / "predictions.csv.gz"
    some_predictions().as_table("a", CLEAN).to_csv(path, index=False)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"csv\.gz is damaged .* run its notebook again"):
        read_predictions(path)
