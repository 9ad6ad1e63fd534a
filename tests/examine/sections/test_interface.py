"""Faults of the interface are pointed at by name; a sound model has none."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import nn

from utils.examine.adapter import Expects, adapt
from utils.examine.sections.interface import ask_interface
from utils.examine.subject import Subject


class InTraining(nn.Module):
    """Hides a layer from `eval()`."""

    def __init__(self, network):
        super().__init__()
        self.hidden = [nn.Sequential(network, nn.Dropout(0.4))]
        self.hidden[0][1].train()

    def forward(self, images):
        return self.hidden[0](images)


FAULTS = {
    "training mode": InTraining,
    "different answers": lambda network: (
        lambda images: network(images) + torch.randn(len(images), 3)
    ),
    "batch": lambda network: lambda images: network(images - images.mean((0, 2, 3), keepdim=True)),
    "Every image is predicted bright": lambda network: (
        lambda images: 0 * network(images) + torch.tensor([0.0, 1, 0])
    ),
    "its classes are bright, striped, dark": lambda network: (
        lambda images: network(images)[:, [1, 2, 0]]
    ),
    "grey levels from 0 to 255": lambda network: lambda images: network(images / 255),
    "inverted": lambda network: lambda images: network(1 - images),
    "NaN": lambda network: lambda images: network(images) * torch.nan,
}


def test_a_sound_model_is_ok(subject):
    found = ask_interface(subject)
    assert found.severity == "ok", found.measured
    assert "with gradients" in found.measured


@pytest.mark.parametrize("precision", [torch.float64, torch.bfloat16])
def test_another_precision_is_said_and_no_fault(precision, images, network):
    own = deepcopy(network).to(precision)
    found = ask_interface(Subject(adapt(own, images, Expects()), images))
    assert found.severity == "ok", found.measured
    assert f"its weights are {str(precision).removeprefix('torch.')}" in found.measured


class Overflowing(nn.Module):
    """Its numbers are larger than 16 bits hold: 65,504."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        return self.network(images * 1e5 / 1e5)


def test_numbers_that_16_bits_do_not_hold_are_an_alarm(images, network):
    own = Overflowing(deepcopy(network)).half()
    found = ask_interface(Subject(adapt(own, images, Expects()), images))
    assert found.severity == "alarm" and "In its own precision, float16" in found.measured


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(fault, images, network):
    model = FAULTS[fault](network)
    found = ask_interface(Subject(adapt(model, images, Expects()), images))
    assert found.severity == "alarm" and fault in found.measured
    assert found.advice


@pytest.mark.parametrize(
    ("wants", "arguments"),
    [
        (lambda images: 1 - images, "--inverted"),
        (lambda images: images / 255, "--white 255"),
    ],
)
def test_the_arguments_that_show_it_what_it_wants_are_named(wants, arguments, images, network):
    model = adapt(lambda shown: network(wants(shown)), images, Expects())
    assert arguments in ask_interface(Subject(model, images)).advice


def test_labels_in_another_order_are_seen_as_such(images, network):
    turned = replace(images, labels=(images.labels + 1) % 3)
    found = ask_interface(Subject(adapt(network, turned, Expects()), turned))
    assert "its classes are" in found.measured
