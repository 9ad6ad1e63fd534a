"""Neural collapse is 0 at the simplex, and elsewhere what can be worked out by hand."""

import math

import pytest
import torch

from utils.defences.etf_head import DotRegression, head_on_features, simplex_etf
from utils.defences.neural_collapse import nc_measures, nc_measures_of
from utils.training.config import TrainConfig
from utils.training.heads import fit_on_features

FIXED = pytest.mark.parametrize("fixed", [False, True], ids=["learned", "fixed"])


def crowds() -> tuple[torch.Tensor, torch.Tensor]:
    """Features of three classes."""
    labels = torch.arange(48) % 3
    noise = torch.randn(48, 10, generator=torch.Generator().manual_seed(0))
    return noise + 4 * torch.eye(10)[labels], labels


@pytest.mark.parametrize("classes", [2, 3, 11])
def test_nothing_is_left_to_collapse_at_the_simplex(classes):
    directions, labels = simplex_etf(16, classes).T, torch.arange(classes).repeat(5)
    shifted = 7 * directions[labels] + torch.arange(16.0)  # neither place nor size counts
    found = nc_measures(shifted, labels, 3 * directions)
    assert list(found) == ["NC1", "NC2", "NC3"] and max(found.values()) < 1e-5


def test_a_class_counts_once_however_many_images_it_has():
    directions = simplex_etf(16, 3).T
    few, many = torch.tensor([0, 1, 2]), torch.tensor([0] * 9 + [1, 2])
    assert nc_measures(directions[many], many, directions) == pytest.approx(
        nc_measures(directions[few], few, directions), abs=1e-6
    )
    wide = torch.tensor([[1.5], [0.5], [-1.0]]), torch.tensor([0, 0, 1])
    assert nc_measures(*wide, torch.tensor([[1.0], [-1.0]]))["NC1"] == pytest.approx(0.25 / 2 / 2)


@pytest.mark.parametrize("spread", [0.0, 0.3, 2.0])
def test_the_spread_within_is_measured_by_that_between(spread):
    """Two classes at 1 and -1, each a pair `spread` beside its mean: spread squared, halved."""
    features = torch.tensor([[1 + spread], [1 - spread], [-1 + spread], [-1 - spread]])
    found = nc_measures(features, torch.tensor([0, 0, 1, 1]), torch.tensor([[1.0], [-1.0]]))
    assert found["NC1"] == pytest.approx(spread**2 / 2, abs=1e-6)


def test_spread_is_the_trace_of_the_textbook():
    """Tr(within * pseudo-inverse of between) / classes, written out."""
    torch.manual_seed(0)
    features, labels = torch.randn(60, 8).double(), torch.arange(60) % 4
    means = torch.stack([features[labels == c].mean(0) for c in range(4)])
    within = torch.cov((features - means[labels]).T, correction=0)
    between = torch.cov(means.T, correction=0)
    expected = torch.trace(within @ torch.linalg.pinv(between, rtol=1e-8)) / 4
    found = nc_measures(features, labels, torch.randn(4, 8))["NC1"]
    assert found == pytest.approx(float(expected))


def test_means_on_a_line_are_as_far_from_a_simplex_as_the_formula_says():
    found = nc_measures(torch.tensor([[-1.0], [0], [1]]), torch.arange(3), torch.randn(3, 1))
    assert found["NC2"] == pytest.approx(math.sqrt(2 - math.sqrt(2)))


def test_directions_that_point_away_are_as_far_as_can_be():
    directions = simplex_etf(16, 3).T
    found = nc_measures(directions, torch.arange(3), -directions)
    assert found["NC2"] < 1e-5 and found["NC3"] == pytest.approx(2)


def test_a_class_without_images_does_not_count():
    directions, labels = simplex_etf(16, 3).T, torch.tensor([0, 2, 0, 2])
    found = nc_measures(directions[labels], labels, directions)
    assert max(found.values()) < 1e-5
    with pytest.raises(ValueError, match="one class alone"):
        nc_measures(torch.randn(4, 8), torch.ones(4).long(), directions)


@FIXED
def test_a_model_is_measured_and_left_as_it_was(fixed):
    model, (rows, labels) = head_on_features(10, 3, fixed, 16).train(), crowds()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = nc_measures_of(model, rows, labels)
    assert all(math.isfinite(value) for value in found.values()) and model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@FIXED
def test_what_is_measured_is_what_the_last_layer_meets(fixed):
    """Turn the directions round: only what is compared with them changes, and that to the full."""
    model = head_on_features(10, 3, fixed, 16)
    found = nc_measures_of(model, *crowds())
    (model[1].directions if fixed else model[1][1].weight.data).neg_()
    turned = nc_measures_of(model, *crowds())
    assert turned["NC1"] == found["NC1"] and turned["NC2"] == found["NC2"]
    assert turned["NC3"] ** 2 == pytest.approx(4 - found["NC3"] ** 2, abs=1e-5)


def test_training_towards_the_frame_collapses():
    model, (rows, labels) = head_on_features(10, 3, True, 16), crowds()
    before = nc_measures_of(model, rows, labels)
    config = TrainConfig(epochs=20, batch_size=8, learning_rate=1e-2)
    after = nc_measures_of(
        fit_on_features(model, rows, labels, config, DotRegression()), rows, labels
    )
    assert all(after[name] < 0.5 * before[name] for name in ("NC1", "NC2", "NC3"))
