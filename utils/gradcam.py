"""Where a model looks, and how far that is from where it should."""

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from utils.backbones import Classifier
from utils.contamination.attacks import evaluating
from utils.evaluation import BATCH, Attack, attacked_images
from utils.splits import Split, as_pixels

FINE_ENOUGH = 7  # rows in a feature map; coarser maps are one blur, whatever the model saw


def heat_maps(model: Classifier, images: Tensor, explained: Tensor) -> np.ndarray:
    """(n, height, width) in [0, 1]: what spoke for the `explained` class of each image.

    A map is all zero where nothing spoke for that class; no score counts such a map.
    """
    layer = _layer(model, images[:1])
    targets = [ClassifierOutputTarget(int(name)) for name in explained]
    weights = list(model.parameters())
    before = [weight.grad for weight in weights]
    with evaluating(model), torch.enable_grad(), GradCAM(model, [layer]) as cam:
        maps = [
            cam(input_tensor=images[i : i + BATCH], targets=targets[i : i + BATCH])
            for i in range(0, len(images), BATCH)
        ]
    for weight, gradient in zip(weights, before, strict=True):
        weight.grad = gradient  # the library leaves its own behind
    return np.concatenate(maps)


def before_and_after(model: Classifier, split: Split, attack: Attack) -> dict[str, tuple]:
    """Heat maps and answers on the clean and on the attacked images of a split.

    Each map explains the answer that the model gives to that very image.
    """
    device = next(model.parameters()).device
    shown = {"clean": as_pixels(split.images), "attacked": attacked_images(model, split, attack)}
    found = {}
    for state, images in shown.items():
        images = images.to(device)
        with evaluating(model), torch.no_grad():
            answers = model(images).argmax(1)
        found[state] = heat_maps(model, images, answers), answers.tolist()
    return found


def looking(model: Classifier, split: Split, attack: Attack) -> dict[str, float]:
    """Means over a split: how far the attack moves the centre of heat, and how much heat lies
    inside the finding before and after. Without masks, only the shift is known."""
    maps = [maps for maps, _ in before_and_after(model, split, attack).values()]
    found = {"shift of the centre": float(np.nanmean(centre_shift(*maps)))}
    if split.masks is not None:
        before, after = (focus(heat, split.masks.numpy()) for heat in maps)
        found["heat inside, clean"] = before["heat inside"]
        found["heat inside, attacked"] = after["heat inside"]
        found["chance"] = before["chance"]
    return found


def mass_inside(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Share of each map's heat that lies in its mask; nan without heat or without mask."""
    heat = maps.sum((1, 2))
    inside = (maps * masks).sum((1, 2))
    counts = (heat > 0) & (masks.sum((1, 2)) > 0)
    return np.divide(inside, heat, out=np.full(len(maps), np.nan), where=counts)


def focus(maps: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """Mean share of heat inside the masks, the share without preference, the maps that count."""
    inside = mass_inside(maps, masks)
    counted = ~np.isnan(inside)
    if not counted.any():
        return {"heat inside": np.nan, "chance": np.nan, "maps": 0}
    return {
        "heat inside": float(inside[counted].mean()),
        "chance": float(masks[counted].mean()),
        "maps": int(counted.sum()),
    }


def centre_shift(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """How far the centre of heat moved, as a share of the image's side; nan without heat."""
    return np.hypot(*(_centres(after) - _centres(before)))


def _centres(maps: np.ndarray) -> np.ndarray:
    """Row and column of each centre of mass, in [0, 1]."""
    axis = np.linspace(0, 1, maps.shape[-1])
    heat = maps.sum((1, 2))
    moments = np.stack([(maps.sum(2) * axis).sum(1), (maps.sum(1) * axis).sum(1)])
    return np.divide(moments, heat, out=np.full_like(moments, np.nan), where=heat > 0)


def _layer(model: Classifier, image: Tensor) -> nn.Module:
    """The deepest layer whose map is fine enough, or else the finest; found by looking."""
    sides = {}
    hooks = [
        model.backbone.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: sides.update({name: output.shape[-1]})
        )
        for name in model.facts.cam_layers
    ]
    with evaluating(model), torch.no_grad():
        model(image)
    for hook in hooks:
        hook.remove()
    fine = [name for name in model.facts.cam_layers if sides[name] >= FINE_ENOUGH]
    return model.backbone.get_submodule(fine[0] if fine else model.facts.cam_layers[-1])
