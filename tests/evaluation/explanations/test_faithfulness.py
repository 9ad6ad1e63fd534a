"""Maps of what matters beat random ones; shuffled weights change a map, and noise hardly does."""

import numpy as np
import pytest
import torch
from small import small_split, trained_network
from torch import nn

from utils.attacks.random_noise import RandomSigns
from utils.data.split import Split, to_float
from utils.evaluation.explanations.faithfulness import (
    STEPS,
    area,
    deletion,
    faithfulness_areas,
    faithfulness_gains,
    insertion,
    random_maps,
    randomisation,
    shuffle_weights,
    stability,
)
from utils.evaluation.explanations.saliency import heat_maps


class Corner(nn.Module):
    """Class 1 by the brightness of the upper left quarter, and nothing else."""

    def forward(self, images):
        bright = 20 * (images[:, 0, :8, :8].mean((1, 2)) - images.mean((1, 2, 3)))
        return torch.stack([-bright, bright], 1)


def corners(count: int = 12) -> Split:
    generator = torch.Generator().manual_seed(0)
    images = 60 + 20 * torch.rand(count, 1, 16, 16, generator=generator)
    images[:, :, :8, :8] += 120
    ones = torch.ones(count, dtype=torch.long)
    return Split(images.to(torch.uint8), ones, ("a", "b"), groups=torch.arange(count) // 2)


SPLIT = corners()
RIGHT = np.zeros((len(SPLIT), 16, 16))
RIGHT[:, :8, :8] = 1


def test_the_curves_run_from_the_whole_image_to_none_of_it():
    model, images = Corner(), to_float(SPLIT.images)
    whole = model(images).softmax(1)[:, 1].numpy()
    taken = deletion(model, images, RIGHT, SPLIT.labels)
    given = insertion(model, images, RIGHT, SPLIT.labels)
    assert taken.shape == given.shape == (len(SPLIT), STEPS + 1)
    for curve in (taken, given[:, ::-1]):
        assert curve[:, 0] == pytest.approx(whole) and curve[:, -1] == pytest.approx(0.5, abs=0.01)


def test_the_area_is_the_closed_form():
    assert area(np.linspace(0, 1, 9)[None]) == pytest.approx([0.5])
    assert area(np.ones((2, 5))) == pytest.approx([1, 1])
    assert area(np.linspace(0, 1, 100_001)[None] ** 2) == pytest.approx([1 / 3])


def test_a_map_of_what_matters_is_faithful_and_its_opposite_is_not():
    gains = faithfulness_gains(faithfulness_areas(Corner(), SPLIT, RIGHT), SPLIT)
    assert min(gain.low for gain in gains.values()) > 0
    wrong = faithfulness_gains(faithfulness_areas(Corner(), SPLIT, 1 - RIGHT), SPLIT)
    assert max(gain.high for gain in wrong.values()) < 0


def test_a_random_map_is_no_better_than_another():
    maps = random_maps(to_float(SPLIT.images), seed=1)
    assert maps.shape == (len(SPLIT), 16, 16) and not np.array_equal(maps[0], maps[1])
    gains = faithfulness_gains(faithfulness_areas(Corner(), SPLIT, maps), SPLIT)
    assert all(gain.low < 0 < gain.high for gain in gains.values())


def test_grad_cam_on_a_trained_network_is_faithful():
    model, split = trained_network(), small_split(48, seed=5)
    maps = heat_maps(model, to_float(split.images), split.labels)
    gains = faithfulness_gains(faithfulness_areas(model, split, maps), split)
    assert min(gain.low for gain in gains.values()) > 0


def test_shuffled_weights_are_the_same_numbers_in_another_order():
    model = trained_network()
    shuffled = shuffle_weights(model)
    for before, after in zip(model.parameters(), shuffled.parameters(), strict=True):
        assert torch.equal(before.flatten().sort().values, after.flatten().sort().values)
    assert not torch.equal(model[0].weight, shuffled[0].weight)
    assert torch.equal(shuffle_weights(model)[0].weight, shuffled[0].weight)


class Edges(nn.Module):
    """The evidence is the image itself, whatever the weights are: a map that shows no learning."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5))

    def forward(self, images):
        return torch.stack([-self.weight.sum() * images.square().sum((1, 2, 3))] * 3, 1)


def test_shuffled_weights_change_the_map_of_a_network_that_learned():
    split = small_split(12, seed=5)
    assert np.nanmean(randomisation(trained_network(), split)) < 0.8
    assert randomisation(Edges(), split) == pytest.approx(np.ones(12), abs=1e-4)


def test_more_noise_leaves_less_of_a_map():
    model, split = trained_network(), small_split(12, seed=5)
    alike = [np.nanmean(stability(model, split, RandomSigns(size))) for size in (0, 0.02, 0.2)]
    assert alike[0] == pytest.approx(1) and alike[0] > alike[1] > alike[2]


def test_a_chosen_layer_is_passed_on():
    model, split = trained_network(), small_split(6, seed=5)
    chosen = stability(model, split, RandomSigns(0.1), layer="0", draws=1)
    found = stability(model, split, RandomSigns(0.1), draws=1)
    assert not np.allclose(chosen, found, equal_nan=True)
