"""Slopes that the gradient predicts are those that small steps measure, unless it is masked."""

import pytest
import torch
from planted import (
    Compresses,
    Ripples,
    Rounds,
    RoundsInDisguise,
    StraightThrough,
    saturated,
    scaled,
    sound,
)
from small import small_split, trained_network
from torch import nn

from utils.evaluation.flags.gradient_experiments import (
    AGREES,
    STEP,
    STEPS,
    dead_gradients,
    slope_agreement,
    slope_agreements,
)

FEW = small_split(60, seed=5).limit(8)


def test_on_a_linear_network_the_slopes_are_the_same():
    network = nn.Sequential(nn.Flatten(), nn.Linear(256, 3)).eval()
    assert slope_agreement(network, FEW) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    "kind", ["standard", "transformer", "recurrent", "adversarially trained", "tiny"]
)
def test_the_gradient_of_a_sound_network_says_how_it_changes(kind):
    model, split = sound(kind)
    assert slope_agreement(model, split.limit(8)) > 0.8


@pytest.mark.parametrize("factor", [0.01, 30, 1e4])
def test_no_factor_of_the_logits_changes_the_agreement(factor):
    expected = slope_agreement(trained_network(), FEW)
    assert slope_agreement(scaled(factor), FEW) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("model", [Rounds, Compresses, RoundsInDisguise])
def test_behind_rounding_and_jpeg_there_is_no_agreement(model):
    found = slope_agreements(model(), FEW)
    assert list(found) == list(STEPS) and all(abs(each) < 0.3 for each in found.values())


class Steep(nn.Module):
    """A hundred waves across each image: a small step bends through several of them."""

    def __init__(self, waves: int = 100):
        super().__init__()
        weights = torch.randn(256, waves, generator=torch.Generator().manual_seed(0))
        self.weights = nn.Parameter(40 * weights)

    def forward(self, images):
        up = torch.sin(images.flatten(1) @ self.weights).mean(1, keepdim=True)
        return torch.cat([up, -up, -1 - up], 1)


@pytest.mark.parametrize("model", [Steep, Ripples])
def test_a_steep_network_agrees_over_short_steps_and_not_over_long_ones(model):
    """Its gradient is right. A check over one length of step would call it masked."""
    found = slope_agreements(model(), FEW)
    assert found[STEP] < AGREES <= max(found.values()) and max(found.values()) > 0.9
    assert max(found, key=found.get) < STEP


def test_rounding_with_a_stand_in_agrees_over_a_step_that_passes_its_levels():
    assert max(slope_agreements(StraightThrough(), FEW).values()) >= AGREES


def test_no_other_length_is_tried_where_the_first_agrees():
    assert list(slope_agreements(trained_network(), FEW)) == [STEP]


def test_dead_gradients_are_counted():
    assert dead_gradients(trained_network(), FEW) == 0
    assert dead_gradients(Rounds(), FEW) == 1
    assert dead_gradients(saturated(), FEW) > 0.5


def test_the_probe_draws_none_of_the_random_numbers_of_its_caller():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    slope_agreement(trained_network(), FEW)
    assert torch.equal(torch.rand(2), expected)
