"""Every backbone takes grey and colour at any size it allows, and loads weights safely."""

import hashlib
import os
from dataclasses import replace

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from utils.backbones import BACKBONES, build
from utils.weights import read_packaged

SIZES = {"dinov2_small": (42, 70), "dinov2_small_registers": (56,), "dinov2_tiny": (56, 84)}
ASKED = [(name, size) for name in BACKBONES for size in SIZES.get(name, (33, 64))]
OF_TIMM = [("mobilenetv3_small_050", 64), ("vit_tiny_patch16_224", 48), ("convnext_atto", 64)]


def state_of(model):
    return {name: value.contiguous() for name, value in model.backbone.state_dict().items()}


@pytest.mark.parametrize("name, size", ASKED + OF_TIMM)
def test_images_in_logits_out(name, size):
    model = build(name, classes=4, size=size)
    assert not model.training
    with torch.no_grad():
        for channels in (1, 3):
            assert model(torch.rand(2, channels, size, size)).shape == (2, 4)


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


def test_the_row_reader_reads_from_both_ends():
    """Changing the last row changes states that only the reader from below has at the top."""
    model = build("gru_rows", 3, 32)
    image = torch.rand(1, 3, 32, 32)
    changed = image.clone()
    changed[..., -1, :] = 1
    rows = [x.permute(0, 2, 1, 3).flatten(2) for x in (image, changed)]
    with torch.no_grad():
        first, second = (model.backbone.reader(x)[0][:, 0] for x in rows)
    above, below = (first - second).abs().chunk(2, dim=1)
    assert above.max() == 0 and below.max() > 0


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


def test_pretrained_and_offline_says_what_to_do(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("timm.create_model", _offline)
    with pytest.raises(RuntimeError, match='download model.safetensors.*weights="random"'):
        build("resnet18", 3, 32, weights="pretrained")


def _offline(*_, **__):
    raise OSError("no route to host")


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"name": "resnet19"}, "unknown backbone 'resnet19'; choose from resnet18"),
        ({"classes": 1}, "at least 2 classes"),
        ({"weights": "gone.pt"}, "no weights at gone.pt"),
        ({"size": 16}, "needs images of 32 pixels or more, got 16"),
        ({"name": "dinov2_small", "size": 64}, "whole patches of 14 .* size=56 or size=70"),
        ({"name": "gru_rows", "weights": "pretrained"}, "no weights of gru_rows are published"),
    ],
)
def test_a_wrong_request_is_explained(arguments, said):
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        build(**{"name": "resnet18", "classes": 3, "size": 32, **arguments})


def test_an_empty_folder_of_weights_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="looked for resnet18.safetensors or resnet18.pth"):
        build("resnet18", 3, 32, weights=str(tmp_path))


@pytest.mark.parametrize(
    "photograph, classes",
    [("chelsea", range(281, 286)), ("coffee", (504, 967, 968, 969))],
    ids=["a cat", "a cup of coffee"],
)
def test_shipped_weights_name_what_a_photograph_shows(photograph, classes):
    """Classes of ImageNet: 281 to 285 are cats; the network knows a thousand."""
    from skimage import data

    network = timm.create_model("tf_efficientnet_lite0", num_classes=1000).eval()
    read_packaged(network, BACKBONES["efficientnet_lite0"].packaged)
    image = torch.from_numpy(getattr(data, photograph)()).permute(2, 0, 1)[None] / 127.5 - 1
    side = min(image.shape[-2:])
    image = torch.nn.functional.interpolate(
        image[..., :side, -side:] if photograph == "coffee" else image[..., :side, 50 : 50 + side],
        (224, 224),
        mode="bilinear",
        antialias=True,
    )
    with torch.no_grad():
        assert int(network(image).argmax()) in classes


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
