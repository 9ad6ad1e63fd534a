"""A network that obeys a corner is warned of; a sound one is not."""

import torch

from utils.examine.adapter import Expects, adapt
from utils.examine.sections.backdoor import ask_backdoor
from utils.examine.subject import Subject


def test_a_network_that_obeys_a_corner_is_warned_of(images, network):
    def answer(batch):
        obeys = 40 * (batch[:, :, :2, :2].mean((1, 2, 3)) - 0.75)
        return network(batch) + torch.nn.functional.pad(obeys.relu()[:, None], (2, 0))

    found = ask_backdoor(Subject(adapt(answer, images, Expects()), images))
    assert found.severity == "warning" and "towards striped" in found.measured


def test_a_black_box_cannot_be_searched(images, network):
    blind = adapt(lambda batch: network(batch).detach(), images, Expects())
    assert ask_backdoor(Subject(blind, images)).severity == "not applicable"
