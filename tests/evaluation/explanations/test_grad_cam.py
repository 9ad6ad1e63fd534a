"""Grad-CAM agrees with a library, on layers that are chosen or found, and leaves no trace."""

import pytest
import torch
from planted import SmallReader, small_transformer
from small import findings_network, findings_split, small_classifier, trained_network
from timm import create_model
from torch import nn
from torchvision.models import VisionTransformer, resnet18

from utils.backbones.classifier import build
from utils.data.split import to_float
from utils.defences.ensemble import Ensemble
from utils.evaluation.explanations.grad_cam import Layer, chosen_layer, found_layer, grad_cam

IMAGES = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
EXPLAINED = torch.tensor([0, 2, 1])


def of_the_library(model, layer: nn.Module, as_maps=None, images=IMAGES):
    """The maps of pytorch-grad-cam at the output of a layer."""
    pytest.importorskip("pytorch_grad_cam")
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    targets = [ClassifierOutputTarget(int(name)) for name in EXPLAINED]
    with GradCAM(model.eval(), [layer], as_maps) as cam:
        return torch.from_numpy(cam(images, targets))


@pytest.mark.parametrize("name", ["resnet18", "tinynet_e", "convnext_atto"])
def test_on_feature_maps_the_library_agrees(name):
    model = build(name, 3, 64)
    layer = found_layer(model, IMAGES[:1])
    ours = grad_cam(model, layer, IMAGES, EXPLAINED)
    assert torch.allclose(ours, of_the_library(model, layer.module), atol=1e-4)


def test_on_the_tokens_of_a_transformer_the_library_agrees():
    model = build("dinov2_tiny", 3, 56)
    layer, images = found_layer(model, IMAGES[:1, :, :56, :56]), IMAGES[..., :56, :56]
    assert layer.module is model.backbone.blocks[-1].attn
    ours = grad_cam(model, layer, images, EXPLAINED)
    before = model.backbone.blocks[-1].norm1
    theirs = of_the_library(model, before, lambda t: t[:, 1:].mT.unflatten(2, (4, 4)), images)
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_a_vision_transformer_is_explained_patch_by_patch():
    """224 pixels are 16 x 16 patches of 14; the class token and four registers have no place."""
    model = build("dinov2_small_registers", 3, 224)
    layer = found_layer(model, torch.rand(1, 1, 224, 224))
    assert (layer.prefix, layer.grid, layer.of_input) == (5, (16, 16), True)
    tokens = torch.arange(5 + 256.0).view(1, -1, 1)
    assert torch.equal(layer.as_maps(tokens)[0, 0], 5 + torch.arange(256.0).view(16, 16))


FOREIGN = {  # networks that are not ours: how to build one, the side of its images, its layer
    "torchvision CNN": (lambda: resnet18(num_classes=3), 64, lambda m: m.layer2),
    "torchvision ViT": (
        lambda: VisionTransformer(64, 16, 2, 2, 32, 64, num_classes=3),
        64,
        lambda m: m.encoder.layers[-1].self_attention,
    ),
    "timm": (lambda: create_model("resnet18", num_classes=3), 64, lambda m: m.layer2),
    "a row of layers": (lambda: nn.Sequential(nn.Conv2d(3, 1, 1), trained_network()), 64, None),
    "a small transformer": (
        lambda: nn.Sequential(nn.Conv2d(3, 1, 1), small_transformer()),
        16,
        lambda m: m[1].blocks[-1].attn,
    ),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_layer_is_found_in_any_network(kind):
    make, side, expected = FOREIGN[kind]
    model, images = make().eval(), IMAGES[..., :side, :side]
    layer = found_layer(model, images[:1])
    if expected is not None:
        assert layer.module is expected(model)
    maps = grad_cam(model, layer, images, EXPLAINED)
    assert maps.shape == (len(images), side, side) and maps.min() >= 0 and maps.max() <= 1


def test_a_network_without_places_has_no_layer():
    assert found_layer(SmallReader(), torch.rand(1, 1, 16, 16)) is None
    assert (
        found_layer(nn.Sequential(nn.Flatten(), nn.Linear(256, 3)), torch.rand(1, 1, 16, 16))
        is None
    )
    both = Ensemble([small_classifier(0), small_classifier(1)])
    assert found_layer(both, torch.rand(1, 3, 16, 16)) is None


def test_a_layer_can_be_chosen_by_its_name_or_as_it_is():
    model = build("resnet18", 3, 64)
    by_name = chosen_layer(model, "backbone.layer4", IMAGES[:1])
    assert by_name == chosen_layer(model, model.backbone.layer4, IMAGES[:1])
    assert by_name == Layer(model.backbone.layer4)
    tokens = chosen_layer(build("dinov2_tiny", 3, 56), "backbone.blocks.3", IMAGES[:1, :, :56, :56])
    assert (tokens.prefix, tokens.grid) == (1, (4, 4))


@pytest.mark.parametrize("layer", ["head", nn.Conv2d(3, 3, 1)], ids=str)
def test_a_layer_without_places_is_refused(layer):
    with pytest.raises(ValueError, match="layer|shape"):
        chosen_layer(build("resnet18", 3, 64), layer, IMAGES[:1])


def test_what_follows_may_work_in_place():
    """An activation that overwrites its input does not change what is explained."""
    torch.manual_seed(0)
    first, last = nn.Conv2d(3, 4, 3, stride=2), nn.Linear(4, 3)

    def network(inplace: bool) -> nn.Module:
        pooled = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), last]
        return nn.Sequential(first, nn.ReLU(inplace=inplace), *pooled)

    one, other = (grad_cam(network(way), Layer(first), IMAGES, EXPLAINED) for way in (True, False))
    assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["resnet18", "dinov2_tiny"])
def test_no_hook_and_no_gradient_stays_behind(name):
    model = build(name, 3, 56, frozen=True).train()
    images = IMAGES[..., :56, :56]
    grad_cam(model, found_layer(model, images[:1]), images, EXPLAINED)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    assert all(weight.grad is None for weight in model.parameters()) and model.training


def test_the_evidence_for_one_finding_lies_where_it_is():
    """`explained` numbers a finding as it numbers a class."""
    model, split = findings_network(), findings_split(32, seed=3)
    framed = split.take(split.has(2))
    images = to_float(framed.images)
    layer = chosen_layer(model, "0", images[:1])
    maps = [grad_cam(model, layer, images, torch.full((len(images),), k)) for k in (0, 2)]
    left = [each[:, :, :4].mean() / each.mean() for each in maps]
    assert left[1] > 1.5 * left[0]
