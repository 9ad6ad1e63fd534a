"""Where a model looks, how far that is from the finding, and how an attack moves it."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.transforms.functional import gaussian_blur

from utils.attacks.adaptive import without_stop
from utils.attacks.base import Attack, SizedAttack, eval_mode
from utils.attacks.pgd import input_gradient
from utils.attacks.random_noise import noise_of
from utils.attacks.regions import highest
from utils.data.split import Split, batches, to_float
from utils.evaluation.explanations.grad_cam import chosen_layer, found_layer, grad_cam
from utils.evaluation.image_similarity import ssim
from utils.evaluation.inference import BATCH, attacked_images
from utils.evaluation.intervals import mean_of
from utils.run import autocast, device_of

NOISE = "noise (control)"


def heat_maps(
    model: nn.Module, images: Tensor, explained: Tensor, layer: nn.Module | str | None = None
) -> np.ndarray:
    """(n, height, width) in [0, 1]: the evidence for the `explained` class of each image.

    Grad-CAM at the given layer, or at one that is found; else the gradient of the logit. A map
    without evidence for that class is all zero, and every score leaves it out.
    """
    explained = torch.as_tensor(explained).to(images.device)
    with autocast(images.device, "float32"):  # whatever the caller computes in
        find = found_layer if layer is None else partial(chosen_layer, layer=layer)
        place = find(model, image=images[:1])
        draw = gradient_maps if place is None else partial(grad_cam, layer=place)
        parts = zip(images.split(BATCH), explained.split(BATCH), strict=True)
        maps = [draw(model, images=some, explained=names) for some, names in parts]
    return torch.cat(maps).cpu().numpy()


def gradient_maps(model: nn.Module, images: Tensor, explained: Tensor) -> Tensor:
    """The gradient of the logit (Simonyan 2014), slightly blurred, scaled to a maximum of 1."""
    with eval_mode(model), torch.enable_grad():
        pixels = images.detach().requires_grad_()
        logits = model(pixels).gather(1, explained[:, None])
        gradient = torch.autograd.grad(logits.sum(), pixels)[0]
    heat = gaussian_blur(gradient.abs().amax(1, keepdim=True), kernel_size=5)[:, 0]
    return heat / heat.amax((1, 2), keepdim=True).clamp_min(1e-12)


@dataclass(frozen=True)
class HottestPixels:
    """A region for an attack (see regions): where the evidence for the true class is."""

    share: float

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        heat = torch.from_numpy(heat_maps(model, images, labels)).to(images)
        return highest(heat[:, None], self.share)


def before_and_after(model: nn.Module, split: Split, attack: SizedAttack) -> dict[str, tuple]:
    """Heat maps and predictions on clean images, under noise of the attack's size, and attacked.

    All maps explain the true class. A map of the predicted class would change with the prediction
    alone, on the untouched image too. The attack does not stop at its first success.
    """
    attack = without_stop(attack)
    changes = {"clean": None, NOISE: noise_of(attack, attack.epsilon), "attacked": attack}
    return {name: _explained(model, split, change) for name, change in changes.items()}


def _explained(model: nn.Module, split: Split, change: Attack | None) -> tuple:
    device, images = device_of(model), to_float(split.images)
    images = images if change is None else attacked_images(model, split, change)
    images = images.to(device)
    with eval_mode(model), torch.no_grad():
        predicted = [model(some).argmax(1) for some in images.split(BATCH)]
    return heat_maps(model, images, split.labels), torch.cat(predicted).tolist()


def saliency_shift(model: nn.Module, split: Split, attack: SizedAttack) -> dict[str, float | str]:
    """Means over a split: the similarity (SSIM) of the clean maps to those under noise and under
    attack, what the attack takes beyond the noise (paired, with its interval), the shifts of the
    centres, the maps without heat and, with masks, the share of heat inside."""
    maps = {name: heat for name, (heat, _) in before_and_after(model, split, attack).items()}
    clean, *changed = maps.values()
    alike = [similarity(clean, heat) for heat in changed]
    moved = [centre_shift(clean, heat) for heat in changed]
    found = {
        "similarity, noise": float(np.nanmean(alike[0])),
        "similarity, attacked": float(np.nanmean(alike[1])),
        "noise minus attacked": mean_of(alike[0] - alike[1], split.patients).text(1, 3),
        "shift of the centre, noise": float(np.nanmean(moved[0])),
        "shift of the centre, attacked": float(np.nanmean(moved[1])),
        "maps without heat": sum(int((~heat.any((1, 2))).sum()) for heat in maps.values()),
    }
    if split.masks is not None:
        inside = {name: localisation(heat, split.masks.numpy()) for name, heat in maps.items()}
        found |= {f"heat inside, {name}": each["heat inside"] for name, each in inside.items()}
        found["chance"] = inside["clean"]["chance"]
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
