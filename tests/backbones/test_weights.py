"""Weights come from a file or a folder, and only whole, published and harmless ones are taken."""

import hashlib
import os

import pytest
import torch
from safetensors.torch import save_file
from small import small_network

from utils.backbones.classifier import build
from utils.backbones.weights import read_weights


def state_of(model):
    return {name: value.contiguous() for name, value in model.backbone.state_dict().items()}


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth"])
@pytest.mark.parametrize("name, size", [("resnet18", 32), ("dinov2_tiny", 56), ("gru_rows", 32)])
def test_weights_come_from_a_local_file_or_a_folder(tmp_path, name, size, suffix):
    donor = state_of(build(name, 5, size, seed=1))
    path = tmp_path / f"{name}{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(donor, path)
    for place in (path, tmp_path):
        found = state_of(build(name, 3, size, weights=str(place), seed=2))
        assert all(torch.equal(found[key], donor[key]) for key in donor)


def test_position_embeddings_of_another_size_are_resized(tmp_path):
    donor = build("vit_tiny_patch16_224", 3, 112)
    ramp = torch.linspace(0, 1, 7).repeat(7)  # from the left to the right of 7 x 7 patches
    donor.backbone.pos_embed.data[0, 1:] = ramp[:, None]
    save_file(state_of(donor), tmp_path / "weights.safetensors")
    model = build("vit_tiny_patch16_224", 3, 224, weights=str(tmp_path / "weights.safetensors"))
    columns = model.backbone.pos_embed[0, 1:, 0].view(14, 14).mean(0)
    assert (columns.diff() > -0.01).all() and columns[0] < 0.1 and columns[-1] > 0.9
    assert torch.equal(donor.backbone.cls_token, model.backbone.cls_token)


def test_weights_of_another_network_are_refused(tmp_path):
    save_file(build("resnet34", 3, 32).head.state_dict(), tmp_path / "head.safetensors")
    with pytest.raises(ValueError, match="does not hold the weights of resnet18"):
        build("resnet18", 3, 32, weights=str(tmp_path / "head.safetensors"))


def test_a_weight_file_with_code_in_it_is_refused(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/executed",)

    torch.save({"conv1.weight": Hostile()}, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match="more than tensors"):
        build("resnet18", 3, 32, weights=str(tmp_path / "weights.pt"))
    assert not (tmp_path / "executed").exists()


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path):
    donor = state_of(build("gru_rows", 3, 32, seed=1))
    plain = tmp_path / "gru_rows.safetensors"
    save_file(donor, plain)
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    named = plain.rename(tmp_path / f"gru_rows-{digest[:8]}.safetensors")
    build("gru_rows", 3, 32, weights=str(named))
    beside = tmp_path / f"{named.name}.sha256"
    beside.write_text(f"{digest}  {named.name}\n")
    build("gru_rows", 3, 32, weights=str(named))
    beside.write_text(f"{'0' * 64}  {named.name}\n")
    with pytest.raises(ValueError, match="is not the published file"):
        build("gru_rows", 3, 32, weights=str(named))
    renamed = named.rename(tmp_path / "gru_rows-00000000.safetensors")
    with pytest.raises(ValueError, match="is not the published file"):
        build("gru_rows", 3, 32, weights=str(renamed))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1 + 2j, True, 7])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value):
    network = small_network()
    state = network.state_dict()
    state["0.weight"] = torch.full_like(state["0.weight"], 1).to(torch.tensor(value).dtype) * value
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(ValueError, match=r"w\.pt: 0\.weight holds"):
        read_weights(network, "small", str(tmp_path / "w.pt"))


def test_an_empty_folder_of_weights_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="looked for resnet18.safetensors or resnet18.pth"):
        build("resnet18", 3, 32, weights=str(tmp_path))


def test_a_file_without_names_is_refused(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    with pytest.raises(ValueError, match="holds no weights by name"):
        read_weights(build("gru_rows", 3, 32).backbone, "gru_rows", str(tmp_path / "tensor.pt"))
