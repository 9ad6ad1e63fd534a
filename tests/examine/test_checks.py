"""Each probe sees what it is for, and nothing in a sound model."""

import pytest
import torch
from planted import Augments, Compresses, Noisy, Rounds, scaled
from torch import nn

from utils.examine import checks
from utils.examine.adapter import Expects, adapt


@pytest.fixture
def few(images):
    return images.limit(16)


def in_place(network):
    """Centres its images where they lie."""
    return lambda images: network(images.sub_(0.05))


class SharedInput(nn.Module):
    """Two members, each of which brings the images into its own range, in place."""

    def __init__(self, network, copies: bool = False):
        super().__init__()
        self.both = nn.ModuleList([Member(network, copies), Member(network, copies)])

    def forward(self, images):
        images = images.clone()
        return torch.stack([member(images) for member in self.both]).mean(0)


class Member(nn.Module):
    def __init__(self, network, copies):
        super().__init__()
        self.network, self.copies = network, copies

    def forward(self, images):
        return self.network(images * 0.9 if self.copies else images.mul_(0.9))


def test_a_sound_model_shows_nothing(network, images, few):
    model = adapt(network, images, Expects())
    assert not checks.ignores_its_input(model, few)
    assert not checks.rounds_images(model, few)
    assert not checks.overwrites_images(model, few)
    assert 0 < checks.lead(model, few) < checks.SATURATED
    assert checks.versions(model, few) == 1


class Constant(nn.Module):
    def forward(self, images):
        return images.new_tensor([[1.0, 2, 3]]).expand(len(images), -1)


def test_an_ignored_input_is_seen(few):
    assert checks.ignores_its_input(Constant(), few)


@pytest.mark.parametrize("kind", [Rounds, Compresses])
def test_what_rounds_before_the_network_is_seen(kind, few):
    assert checks.rounds_images(kind(), few)


@pytest.mark.parametrize("make", [in_place, SharedInput])
def test_writing_into_shared_images_is_seen(make, network, images, few):
    assert checks.overwrites_images(adapt(make(network), images, Expects()), few)


def test_members_that_compute_with_copies_are_sound(network, images, few):
    model = adapt(SharedInput(network, copies=True), images, Expects())
    assert not checks.overwrites_images(model, few)


def test_the_lead_grows_with_the_logits(few):
    assert checks.lead(scaled(1000), few) == pytest.approx(1000 * checks.lead(scaled(1), few), 1e-4)


def test_a_choice_has_few_versions_and_noise_one_for_each_pass(few):
    assert checks.versions(Augments(), few) == 2
    assert checks.versions(Noisy(), few) == checks.PASSES
