"""The interface of every classifier: normalised inside, its weights by seed, file or package."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from utils.backbones.catalogue import BACKBONES
from utils.backbones.classifier import Classifier, build, network_size
from utils.backbones.weights import read_packaged


def state_of(model):
    return {name: value.contiguous() for name, value in model.backbone.state_dict().items()}


@pytest.mark.parametrize("name", ["resnet18", "dinov2_tiny", "gru_rows"])
def test_grey_is_shown_to_all_colours(name):
    model, grey = build(name, 3, 56), torch.rand(2, 1, 56, 56)
    assert torch.allclose(model(grey), model(grey.expand(-1, 3, -1, -1)), atol=1e-5)


def test_normalises_inside():
    model = build("resnet18", 3, 32)
    seen = []
    model.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    model(torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).expand(1, 3, 32, 32))
    assert seen[0].abs().max() < 1e-6


def test_the_seed_decides_the_weights_and_nothing_else_is_touched():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    first, same, other = (build("resnet18", 3, 32, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_a_frozen_backbone_does_not_learn_but_lets_the_attacker_through():
    model = build("resnet18", 3, 32, frozen=True).train()
    before = state_of(model)
    images = torch.rand(4, 1, 32, 32, requires_grad=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    model(images).square().sum().backward()
    optimizer.step()
    assert all(torch.equal(before[name], value) for name, value in state_of(model).items())
    assert model.head.weight.grad.any() and images.grad.any()
    assert model.training and not model.backbone.training


def test_pretrained_and_offline_says_what_to_do(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("timm.create_model", _offline)
    with pytest.raises(RuntimeError, match='download model.safetensors.*weights="random"'):
        build("resnet18", 3, 32, weights="pretrained")


def _offline(*_, **__):
    raise OSError("no route to host")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"name": "resnet19"}, "unknown backbone 'resnet19'; choose from resnet18"),
        ({"classes": 1}, "at least 2 classes"),
        ({"weights": "gone.pt"}, "no weights at gone.pt"),
        ({"size": 16}, "needs images of 32 pixels or more, got 16"),
        ({"name": "dinov2_small", "size": 64}, "whole patches of 14 .* size=56 or size=70"),
        ({"name": "gru_rows", "weights": "pretrained"}, "no weights of gru_rows are published"),
    ],
)
def test_a_wrong_request_is_explained(arguments, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        build(**{"name": "resnet18", "classes": 3, "size": 32, **arguments})


def test_shipped_weights_reach_the_classifier_and_its_normalisation():
    model = build("efficientnet_lite0", 3, 64, weights="imagenet")
    random = build("efficientnet_lite0", 3, 64)
    assert not torch.equal(model.backbone.conv_stem.weight, random.backbone.conv_stem.weight)
    assert model.mean.flatten().tolist() == [0.5] * 3 and model.std.flatten().tolist() == [0.5] * 3


def test_a_backbone_without_shipped_weights_says_which_has_some():
    with pytest.raises(ValueError, match="efficientnet_lite0"):
        build("resnet18", 3, 64, weights="imagenet")


def test_shipped_weights_of_another_shape_or_file_are_refused():
    packaged = BACKBONES["efficientnet_lite0"].packaged
    with pytest.raises(ValueError, match="SHA-256"):
        read_packaged(nn.Linear(2, 2), replace(packaged, sha256="0" * 64))
    with pytest.raises(ValueError, match="has shape"):
        read_packaged(nn.Linear(2, 2), packaged)
    with pytest.raises(FileNotFoundError, match="pip install"):
        read_packaged(nn.Linear(2, 2), replace(packaged, package="no_such_package"))


def test_the_size_of_a_network_can_be_counted_by_hand():
    convolution = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    model = Classifier(
        nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Linear(8, 4)
    )
    found = network_size(model, 10)
    assert found["weights"] == 3 * 8 * 9 + 8 * 4 + 4 and found["layers"] == 2
    assert found["multiply-adds"] == 10 * 10 * 3 * 8 * 9 + 8 * 4
    assert model.head.weight.device.type == "cpu", "the network itself stays where it is"


def test_twice_the_side_is_four_times_the_work_and_no_weight_more():
    small, large = (network_size(build("tinynet_e", 4, 64), size) for size in (64, 128))
    assert large["multiply-adds"] == pytest.approx(4 * small["multiply-adds"], rel=0.01)
    assert large["weights"] == small["weights"] and small["channels"] == 8 + 16 + 24 + 56 + 160


def test_the_published_size_of_efficientnet_b0():
    found = network_size(build("efficientnet_b0", 1000, 64), 224)
    assert found["weights"] == 5_288_548  # Tan and Le: 5.3 million, and 0.39 billion multiply-adds
    assert found["multiply-adds"] == pytest.approx(0.39e9, rel=0.02)
