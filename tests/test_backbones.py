"""Every backbone takes grey and colour at any size it allows, and loads weights safely."""

import os

import pytest
import torch
from safetensors.torch import save_file

from utils.backbones import BACKBONES, build


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("channels, size", [(1, 64), (3, 33), (1, 130)])
def test_images_in_logits_out(name, channels, size):
    model = build(name, classes=4)
    assert not model.training
    with torch.no_grad():
        assert model(torch.rand(2, channels, size, size)).shape == (2, 4)


def test_normalises_inside():
    model = build("resnet18", 3).eval()
    seen = []
    model.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    model(torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).expand(1, 3, 32, 32))
    assert seen[0].abs().max() < 1e-6


def test_the_seed_decides_the_weights_and_nothing_else_is_touched():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    first, same, other = (build("resnet18", 3, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_come_from_a_local_file(tmp_path, suffix):
    donor = build("resnet18", 5, seed=1)
    state = {name: value.contiguous() for name, value in donor.backbone.state_dict().items()}
    path = tmp_path / f"weights{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(state, path)
    model = build("resnet18", 3, weights=str(path), seed=2)
    assert torch.equal(model.backbone.conv1.weight, donor.backbone.conv1.weight)


def test_weights_of_another_network_are_refused(tmp_path):
    save_file(build("resnet34", 3).head.state_dict(), tmp_path / "head.safetensors")
    with pytest.raises(ValueError, match="does not hold the weights of resnet18"):
        build("resnet18", 3, weights=str(tmp_path / "head.safetensors"))


def test_a_weight_file_with_code_in_it_is_refused(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/executed",)

    torch.save({"conv1.weight": Hostile()}, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match="more than tensors"):
        build("resnet18", 3, weights=str(tmp_path / "weights.pt"))
    assert not (tmp_path / "executed").exists()


def test_pretrained_and_offline_says_what_to_do(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("timm.create_model", _offline)
    with pytest.raises(RuntimeError, match='download model.safetensors.*weights="random"'):
        build("resnet18", 3, weights="pretrained")


def _offline(*_, **__):
    raise OSError("no route to host")


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"name": "resnet19", "classes": 3}, "unknown backbone 'resnet19'; choose from resnet18"),
        ({"name": "resnet18", "classes": 1}, "at least 2 classes"),
        ({"name": "resnet18", "classes": 3, "weights": "gone.pt"}, "no weights at gone.pt"),
    ],
)
def test_a_wrong_request_is_explained(arguments, said):
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        build(**arguments)


def test_an_image_too_small_is_explained():
    with pytest.raises(ValueError, match="needs images of 32 pixels or more"):
        build("resnet18", 3)(torch.rand(2, 1, 16, 16))
