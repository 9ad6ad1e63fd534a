"""How members err together is counted as it is; slopes are compared on the same images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import small_split, trained_network

from utils.defences.diversity import slope_cosines, wrong_at_once, wrong_by_chance
from utils.evaluation.predictions import Predictions

SPLIT = small_split(60, seed=7)
MODELS = {name: trained_network(seed) for seed, name in enumerate("abc")}


def predictions(wrong, labels) -> Predictions:
    predicted = np.where(wrong, (labels + 1) % 3, labels)
    return Predictions(labels, np.eye(3)[predicted], np.arange(len(labels)), "abc")


def test_members_that_err_at_once_are_counted():
    labels = np.zeros(4, int)
    found = [predictions(np.array(w) > 0, labels) for w in ([1, 1, 0, 0], [1, 0, 1, 0])]
    assert wrong_at_once(found).tolist() == [0.25, 0.5, 0.25]
    assert wrong_at_once(found[:1] * 3).tolist() == [0.5, 0, 0, 0.5]


def test_by_chance_only_the_rates_within_a_class_count():
    """Two classes, one of which is hard for both: independent errors still meet there."""
    labels = np.repeat([0, 1], 10)
    hard = predictions(labels == 1, labels)
    assert wrong_by_chance([hard, hard]).tolist() == [0.5, 0, 0.5]
    half = predictions(np.arange(20) % 2 == 0, labels)
    assert wrong_by_chance([half, half]) == pytest.approx([0.25, 0.5, 0.25])


def test_independent_errors_meet_as_often_as_chance_says():
    rng, labels = np.random.default_rng(0), np.arange(30_000) % 3
    found = [predictions(rng.random(30_000) < 0.1 + 0.2 * labels, labels) for _ in range(3)]
    assert wrong_at_once(found) == pytest.approx(wrong_by_chance(found), abs=0.01)


def test_a_pair_is_compared_on_the_same_images_and_on_others():
    found = slope_cosines(MODELS, SPLIT)
    assert list(found) == [("a", "b"), ("a", "c"), ("b", "c")]
    for same, control in found.values():
        assert -1 <= control.low <= control.value < same.value <= same.high <= 1


def test_a_model_and_itself_have_the_same_slopes_whatever_the_scale_of_its_logits():
    twin = trained_network(0)
    twin[-1].weight.data *= 5
    twin[-1].bias.data *= 5
    [(same, _)] = slope_cosines({"a": MODELS["a"], "twin": twin}, SPLIT).values()
    assert same.low == pytest.approx(1, abs=1e-4)


def test_a_turned_model_has_turned_slopes():
    """Of two classes, the opposite labels: each gradient is the negative of the other."""
    both = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 2))
    turned = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 2))
    turned[1].weight.data = both[1].weight.data.flip(0)
    split = replace(SPLIT, labels=SPLIT.labels.clamp_max(1), class_names=("dark", "other"))
    [(same, _)] = slope_cosines({"both": both, "turned": turned}, split).values()
    assert same.value == pytest.approx(-1, abs=1e-5)
