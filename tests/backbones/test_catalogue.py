"""Every backbone takes grey and colour at any size it allows; shipped weights know the world."""

import pytest
import timm
import torch

from utils.backbones.catalogue import BACKBONES
from utils.backbones.classifier import build
from utils.backbones.weights import read_packaged

SIZES = {"dinov2_small": (42, 70), "dinov2_small_registers": (56,), "dinov2_tiny": (56, 84)}
REGISTERED = [(name, size) for name in BACKBONES for size in SIZES.get(name, (33, 64))]
OF_TIMM = [("mobilenetv3_small_050", 64), ("vit_tiny_patch16_224", 48), ("convnext_atto", 64)]


@pytest.mark.parametrize("name, size", REGISTERED + OF_TIMM)
def test_images_in_logits_out(name, size):
    model = build(name, classes=4, size=size)
    assert not model.training
    with torch.no_grad():
        for channels in (1, 3):
            assert model(torch.rand(2, channels, size, size)).shape == (2, 4)


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
