"""Heat maps of a trained network, and none where there are no gradients."""

import torch
from torch import nn

from utils.examine.adapter import Expects, adapt
from utils.examine.sections.explanations import ask_explanations
from utils.examine.subject import Subject


def test_maps_are_judged_by_deletion_and_by_shuffled_weights(subject):
    found = ask_explanations(subject)
    assert found.severity == "note" and "shuffle of all weights" in found.meaning
    assert set(found.numbers) >= {"heat maps, deletion", "heat maps, insertion"}
    assert len(found.figures) == 1


def test_maps_that_noise_does_not_move_are_told_from_those_that_it_does(images, network):
    """A model that adds coarse noise of its own, drawn by its image, looks elsewhere each time."""

    class Nervous(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, batch):
            seeds = (1e4 * batch.detach().sum((1, 2, 3))).long()
            draws = [torch.rand(1, 4, 4, generator=rng(seed)) for seed in seeds.tolist()]
            coarse = nn.functional.interpolate(torch.stack(draws), batch.shape[-2:])
            return self.network(batch * (0.2 + 1.6 * coarse))

    calm, nervous = (
        ask_explanations(Subject(adapt(model, images, Expects()), images, epsilon=2 / 255))
        for model in (network, Nervous())
    )
    kept, moved = (found.numbers["heat maps, under noise"] for found in (calm, nervous))
    assert kept.low > moved.high
    assert kept.low > calm.numbers["heat maps, to another image"].high
    assert "They keep their shape" in calm.measured
    assert "not shown to keep" in nervous.measured and nervous.advice


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_black_box_has_none(images, network):
    blind = adapt(lambda batch: network(batch).detach(), images, Expects())
    assert ask_explanations(Subject(blind, images)).severity == "not applicable"
