"""A backbone and a head behind one interface: images in [0, 1] in, logits out."""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from utils.backbones.catalogue import BACKBONES, Backbone
from utils.backbones.weights import PackagedWeights, read_packaged, read_weights

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Classifier(nn.Module):
    """A backbone and a head, with the normalisation inside.

    So epsilon is in pixel units for every backbone, and no caller needs mean and std. Grey
    images are repeated in all three colour channels. A frozen backbone keeps its weights and
    its batch norm; only the head learns.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module, frozen: bool = False):
        super().__init__()
        published = getattr(backbone, "pretrained_cfg", {})
        for name, usual in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
            values = torch.tensor(published.get(name) or usual)
            self.register_buffer(name, values.view(1, 3, 1, 1))
        self.backbone, self.head, self.frozen = backbone, head, frozen
        self.backbone.requires_grad_(not frozen)

    def features(self, images: Tensor) -> Tensor:
        """The input of the head."""
        return self.backbone((images.expand(-1, 3, -1, -1) - self.mean) / self.std)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))

    def train(self, mode: bool = True) -> "Classifier":
        super().train(mode)
        self.backbone.train(mode and not self.frozen)
        return self


def build(
    name: str,
    classes: int,
    size: int,
    weights: str = "random",
    frozen: bool = False,
    seed: int = 0,
    device="cpu",
) -> Classifier:
    """A classifier for square images of `size` pixels, by its name in BACKBONES or in timm.

    `weights` is "random", "imagenet" (those that a package ships, without a network),
    "pretrained" (downloaded once by timm), a .safetensors, .pt or .pth file of the backbone, or a
    folder with NAME.safetensors, NAME.pt or NAME.pth. The head is always new, and `seed` decides
    all random weights. The model is in evaluation mode.
    """
    facts = _facts(name)
    if classes < 2:
        raise ValueError(f"a classifier needs at least 2 classes, got {classes}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = _backbone(name, facts, size, weights)
        width = getattr(backbone, "head_hidden_size", backbone.num_features)
        head = nn.Linear(width, classes)
    model = Classifier(backbone, head, frozen).to(device, memory_format=torch.channels_last)
    return model.eval()


def network_size(model: Classifier, size: int) -> dict[str, int]:
    """Layers with weights, channels at the ends of all stages, weights, and the multiply-adds of
    one image of `size` pixels a side."""
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        deepcopy(model).to("meta")(torch.empty(1, 3, size, size, device="meta"))
    return {
        "layers": sum(weight.ndim > 1 for weight in model.parameters()),
        "channels": sum(stage["num_chs"] for stage in getattr(model.backbone, "feature_info", ())),
        "pixels": size,
        "weights": sum(weight.numel() for weight in model.parameters()),
        "multiply-adds": counted.get_total_flops() // 2,
    }


def _facts(name: str) -> Backbone:
    if name in BACKBONES:
        return BACKBONES[name]
    import timm  # here: it takes seconds, and most commands build no network

    if timm.is_model(name):
        return Backbone(name)
    raise ValueError(
        f"unknown backbone {name!r}; choose from {', '.join(BACKBONES)}, or any name in timm"
    )


def _check_size(name: str, backbone: nn.Module, size: int) -> None:
    """Whole patches only, and no feature map that vanishes."""
    patch = getattr(getattr(backbone, "patch_embed", None), "patch_size", (1,))[0]
    stages = getattr(backbone, "feature_info", None) or [{"reduction": 1}]
    smallest = max(patch, stages[-1]["reduction"])
    if size < smallest:
        raise ValueError(f"{name} needs images of {smallest} pixels or more, got {size}")
    if size % patch:
        below = size // patch * patch
        raise ValueError(
            f"{name} reads whole patches of {patch} pixels, which {size} pixels do not hold; "
            f"load the data with size={below} or size={below + patch}"
        )


def _backbone(name: str, facts: Backbone, size: int, weights: str) -> nn.Module:
    if weights == "pretrained":
        backbone = _download(name, facts)
    else:
        backbone = facts.ours(size) if facts.ours else _create(facts)
        if weights == "imagenet":
            read_packaged(backbone, _packaged(name, facts))
        elif weights != "random":
            read_weights(backbone, name, weights)
    _check_size(name, backbone, size)
    if hasattr(backbone, "set_input_size"):
        backbone.set_input_size(img_size=size)  # resizes the position embeddings, too
    return backbone


def _packaged(name: str, facts: Backbone) -> PackagedWeights:
    if facts.packaged is None:
        having = ", ".join(other for other, known in BACKBONES.items() if known.packaged)
        raise ValueError(
            f'no package ships weights of {name}; "imagenet" is there for {having}. '
            'Take "pretrained", "random" or a weight file'
        )
    return facts.packaged


def _create(facts: Backbone, pretrained: bool = False) -> nn.Module:
    import timm

    return timm.create_model(facts.timm, pretrained=pretrained, num_classes=0, **facts.changes)


def _download(name: str, facts: Backbone) -> nn.Module:
    if not facts.published:
        raise ValueError(f'no weights of {name} are published; give "random" or a weight file')
    try:
        return _create(facts, pretrained=True)
    except Exception as error:  # the hub raises many kinds; all mean that the file is not here
        raise RuntimeError(
            f"could not fetch the pretrained weights of {facts.timm} ({type(error).__name__}). "
            f"Connect to the internet once, or download model.safetensors from "
            f"https://huggingface.co/timm/{facts.timm} and give its path as weights, "
            f'or train from weights="random"'
        ) from error
