"""Where a model looks, and how far that is from the finding."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from torchvision.transforms.functional import gaussian_blur

from utils.attacks.base import Attack, eval_mode
from utils.attacks.pgd import input_gradient
from utils.attacks.regions import highest
from utils.backbones import Classifier
from utils.data.split import Split, batches, to_float
from utils.evaluation.image_similarity import ssim
from utils.evaluation.predict import BATCH, attacked_images
from utils.run import autocast, device_of

MIN_ROWS = 7  # of a feature map; coarser maps blur everything


def heat_maps(model: Classifier, images: Tensor, explained: Tensor) -> np.ndarray:
    """(n, height, width) in [0, 1]: the evidence for the `explained` class of each image.

    Grad-CAM if the network has feature maps or patches; else the gradient of the logit. A map
    without evidence for that class is all zero, and every score leaves it out.
    """
    with autocast(images.device, "float32"):  # the library does not support bfloat16
        return _heat(model, images, explained)


@dataclass(frozen=True)
class HottestPixels:
    """A region for an attack (see regions): where the evidence for the true class is."""

    share: float

    def __call__(self, model: Classifier, images: Tensor, labels: Tensor) -> Tensor:
        heat = torch.from_numpy(heat_maps(model, images, labels)).to(images)
        return highest(heat[:, None], self.share)


def before_and_after(model: Classifier, split: Split, attack: Attack) -> dict[str, tuple]:
    """Heat maps and predictions on the clean and on the attacked images of a split.

    Each map explains the class that the model predicts for this image.
    """
    device = device_of(model)
    states = {"clean": to_float(split.images), "attacked": attacked_images(model, split, attack)}
    found = {}
    for state, images in states.items():
        images = images.to(device)
        with eval_mode(model), torch.no_grad():
            predicted = model(images).argmax(1)
        found[state] = heat_maps(model, images, predicted), predicted.tolist()
    return found


def saliency_shift(model: Classifier, split: Split, attack: Attack) -> dict[str, float]:
    """Means over a split: the similarity of the maps before and after the attack (SSIM), the
    shift of their centres, the maps without heat and, with masks, the share of heat inside."""
    before, after = (maps for maps, _ in before_and_after(model, split, attack).values())
    found = {
        "similarity (SSIM)": float(np.nanmean(similarity(before, after))),
        "shift of the centre": float(np.nanmean(centre_shift(before, after))),
        "maps without heat": int((~before.any((1, 2))).sum() + (~after.any((1, 2))).sum()),
    }
    if split.masks is not None:
        clean, attacked = (localisation(heat, split.masks.numpy()) for heat in (before, after))
        found["heat inside, clean"] = clean["heat inside"]
        found["heat inside, attacked"] = attacked["heat inside"]
        found["chance"] = clean["chance"]
    return found


def similarity(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Structural similarity of each pair of maps, 1 for equal ones; NaN without heat."""
    heat = before.any((1, 2)) & after.any((1, 2))
    return np.where(heat, ssim(before[:, None], after[:, None]), np.nan)


def sensitivity(model: nn.Module, split: Split) -> np.ndarray:
    """(height, width): how strongly each place moves the loss, over all images, 1 on average.

    It shows the architecture of a network: the pattern of its strides, patches or rows.
    """
    device = device_of(model)
    total = 0
    with eval_mode(model):
        for images, labels in batches(split, BATCH):
            gradient = input_gradient(model, to_float(images.to(device)), labels.to(device))
            total = total + gradient.abs().sum((0, 1))
    return (total / total.mean()).cpu().numpy()


def mass_in_mask(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Share of each map's heat inside its mask; NaN without heat or without mask."""
    heat = maps.sum((1, 2))
    inside = (maps * masks).sum((1, 2))
    counts = (heat > 0) & (masks.sum((1, 2)) > 0)
    return np.divide(inside, heat, out=np.full(len(maps), np.nan), where=counts)


def localisation(maps: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """Mean share of heat inside the masks, the share by chance, and the number of maps."""
    inside = mass_in_mask(maps, masks)
    counted = ~np.isnan(inside)
    if not counted.any():
        return {"heat inside": np.nan, "chance": np.nan, "maps": 0}
    return {
        "heat inside": float(inside[counted].mean()),
        "chance": float(masks[counted].mean()),
        "maps": int(counted.sum()),
    }


def centre_shift(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """How far the centre of heat moved, as a share of the side of the image; NaN without heat."""
    return np.hypot(*(_centres(after) - _centres(before)))


def _centres(maps: np.ndarray) -> np.ndarray:
    """Row and column of each centre of mass, in [0, 1]."""
    axis = np.linspace(0, 1, maps.shape[-1])
    heat = maps.sum((1, 2))
    moments = np.stack([(maps.sum(2) * axis).sum(1), (maps.sum(1) * axis).sum(1)])
    return np.divide(moments, heat, out=np.full_like(moments, np.nan), where=heat > 0)


def _saliency(model: Classifier, images: Tensor, explained: Tensor) -> np.ndarray:
    """The gradient of the logit (Simonyan 2014), slightly blurred, scaled to a maximum of 1."""
    with eval_mode(model), torch.enable_grad():
        pixels = images.detach().requires_grad_()
        logits = model(pixels).gather(1, torch.as_tensor(explained)[:, None].to(images.device))
        gradient = torch.autograd.grad(logits.sum(), pixels)[0]
    heat = gaussian_blur(gradient.abs().amax(1, keepdim=True), kernel_size=5)[:, 0]
    return (heat / heat.amax((1, 2), keepdim=True).clamp_min(1e-12)).cpu().numpy()


def _heat(model: Classifier, images: Tensor, explained: Tensor) -> np.ndarray:
    layer, as_maps = _explained_layer(model, images[:1])
    if layer is None:
        return _saliency(model, images, explained)
    targets = [ClassifierOutputTarget(int(name)) for name in explained]
    weights = list(model.parameters())
    before = [(weight.grad, weight.requires_grad) for weight in weights]
    try:
        with eval_mode(model), torch.enable_grad(), GradCAM(model, [layer], as_maps) as cam:
            model.requires_grad_()  # the library needs gradients, even in a frozen network
            maps = [
                cam(input_tensor=images[i : i + BATCH], targets=targets[i : i + BATCH])
                for i in range(0, len(images), BATCH)
            ]
    finally:
        for weight, (gradient, learns) in zip(weights, before, strict=True):
            weight.grad = gradient  # the library leaves gradients behind
            weight.requires_grad_(learns)
    return np.concatenate(maps)


def _explained_layer(model: Classifier, image: Tensor) -> tuple:
    """The layer to explain, and the function that turns its output into maps.

    CNN: the deepest stage with a map of at least 7 x 7, else the finest. Transformer: the input
    of the last attention block. Any other network: none.
    """
    backbone = model.backbone
    known = dict(backbone.named_modules())
    stages = [stage["module"] for stage in getattr(backbone, "feature_info", None) or []]
    stages = [name for name in stages if name in known]
    if not stages:
        return None, None
    shapes = _shapes(model, stages, image)
    if all(len(shape) == 3 for shape in shapes.values()):
        return _last_attention(backbone, known[stages[-1]], shapes[stages[-1]])
    in_rows = str(getattr(backbone, "output_fmt", "NCHW")).endswith("NCHW")
    if not in_rows or any(len(shape) != 4 for shape in shapes.values()):
        return None, None
    fine = [name for name in stages if shapes[name][-1] >= MIN_ROWS]
    return known[fine[-1] if fine else stages[0]], None


def _last_attention(backbone: nn.Module, block: nn.Module, shape: torch.Size) -> tuple:
    """The input of a transformer's last attention, if its tokens are patches behind a prefix."""
    rows, columns = getattr(getattr(backbone, "patch_embed", None), "grid_size", (0, 0))
    prefix = shape[1] - rows * columns
    if (
        not rows
        or prefix != getattr(backbone, "num_prefix_tokens", 0)
        or not hasattr(block, "attn")
    ):
        return None, None
    return block.norm1, partial(_tokens_as_maps, prefix, (rows, columns))


def _tokens_as_maps(prefix: int, grid: tuple[int, int], tokens: Tensor) -> Tensor:
    """(n, tokens, width) to (n, width, rows, columns), without class and register tokens."""
    return tokens[:, prefix:].transpose(1, 2).unflatten(2, grid)


def _shapes(model: Classifier, names: list[str], image: Tensor) -> dict[str, torch.Size]:
    """The output shape of each layer."""
    shapes = {}
    hooks = [
        model.backbone.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: shapes.update({name: output.shape})
        )
        for name in names
    ]
    with eval_mode(model), torch.no_grad():
        model(image)
    for hook in hooks:
        hook.remove()
    return shapes
