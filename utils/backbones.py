"""The classifiers, all with one interface: images in [0, 1] in, logits out."""

from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn

from utils.files import read_tensors


@dataclass(frozen=True)
class Backbone:
    """Facts about one network of timm."""

    timm: str  # its name there, with the tag of the pretrained weights
    smallest: int  # image side below which a feature map would vanish
    cam_layers: tuple[str, ...]  # where Grad-CAM may look, deepest first


_STAGES = ("layer4", "layer3", "layer2", "layer1")
BACKBONES = {
    "resnet18": Backbone("resnet18.a1_in1k", 32, _STAGES),
    "resnet34": Backbone("resnet34.a1_in1k", 32, _STAGES),
    "resnet50": Backbone("resnet50.a1_in1k", 32, _STAGES),
}


class Classifier(nn.Module):
    """A backbone and a head, with the normalisation inside.

    So an attacker's budget is in pixel units whichever backbone is attacked, and no
    caller carries a mean. Grey images are shown to all three colour channels.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module, facts: Backbone):
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_DEFAULT_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_DEFAULT_STD).view(1, 3, 1, 1))
        self.backbone, self.head, self.facts = backbone, head, facts

    def features(self, images: Tensor) -> Tensor:
        if min(images.shape[-2:]) < self.facts.smallest:
            raise ValueError(
                f"{self.facts.timm} needs images of {self.facts.smallest} pixels or more, "
                f"got {tuple(images.shape[-2:])}; load the data with a larger size"
            )
        return self.backbone((images.expand(-1, 3, -1, -1) - self.mean) / self.std)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


def build(
    name: str, classes: int, weights: str = "random", seed: int = 0, device="cpu"
) -> Classifier:
    """A classifier by its name in BACKBONES.

    `weights` is "random", "pretrained" (fetched once by timm) or a .safetensors or .pt
    file of the backbone. The head is always new, and `seed` decides all that is random.
    It comes in evaluation mode, so that looking at it does not train its batch norm.
    """
    if name not in BACKBONES:
        raise ValueError(f"unknown backbone {name!r}; choose from {', '.join(BACKBONES)}")
    if classes < 2:
        raise ValueError(f"a classifier needs at least 2 classes, got {classes}")
    facts = BACKBONES[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = _backbone(facts, weights)
        head = nn.Linear(backbone.num_features, classes)
    model = Classifier(backbone, head, facts).to(device, memory_format=torch.channels_last)
    return model.eval()


def _backbone(facts: Backbone, weights: str) -> nn.Module:
    if weights == "pretrained":
        return _pretrained(facts)
    backbone = timm.create_model(facts.timm, pretrained=False, num_classes=0)
    if weights != "random":
        _load(backbone, facts, Path(weights))
    return backbone


def _pretrained(facts: Backbone) -> nn.Module:
    try:
        return timm.create_model(facts.timm, pretrained=True, num_classes=0)
    except Exception as error:  # the hub raises many kinds; to the user all mean "not here"
        raise RuntimeError(
            f"could not fetch the pretrained weights of {facts.timm} ({type(error).__name__}). "
            f"Connect to the internet once, or download model.safetensors from "
            f"https://huggingface.co/timm/{facts.timm} and give its path as weights, "
            f'or train from weights="random"'
        ) from error


def _load(backbone: nn.Module, facts: Backbone, path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(
            f'no weights at {path}; give "random", "pretrained" or a .safetensors or .pt file'
        )
    state = read_tensors(path)
    wanted = backbone.state_dict()
    missing = [
        name
        for name, value in wanted.items()
        if getattr(state.get(name), "shape", 0) != value.shape
    ]
    if missing:
        raise ValueError(
            f"{path} does not hold the weights of {facts.timm}: {len(missing)} of {len(wanted)} "
            f"are absent or of another shape, {missing[0]} first"
        )
    backbone.load_state_dict({name: state[name] for name in wanted})
