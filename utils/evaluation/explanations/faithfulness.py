"""Can a heat map be trusted?

It must name pixels that matter, depend on what the model has learned, and hardly move under noise.
"""

from copy import deepcopy

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.base import Attack, eval_mode
from utils.data.split import Split, to_float
from utils.evaluation.explanations.saliency import heat_maps, similarity
from utils.evaluation.inference import BATCH, attacked_images
from utils.evaluation.intervals import Interval, mean_of
from utils.run import device_of

STEPS = 16  # from the whole image to none of it
PLACES = 7  # rows and columns of a random map, before it is enlarged: as smooth as Grad-CAM
DRAWS = 4  # of noise


def deletion(model: nn.Module, images: Tensor, maps: Tensor, explained: Tensor) -> np.ndarray:
    """(n, steps + 1): the probability of the class while the hottest pixels are taken away first.

    What is taken away gets the mean grey level of its image.
    """
    return _curve(model, images, maps, explained, keep_hottest=False)


def insertion(model: nn.Module, images: Tensor, maps: Tensor, explained: Tensor) -> np.ndarray:
    """The same while the hottest pixels are put into the mean grey level first."""
    return _curve(model, images, maps, explained, keep_hottest=True)


def _curve(
    model: nn.Module, images: Tensor, maps: Tensor, explained: Tensor, keep_hottest: bool
) -> np.ndarray:
    rank = _ranks(torch.as_tensor(maps).to(images))[:, None]  # 0 for the hottest, up to 1
    mean = images.mean((2, 3), keepdim=True).expand_as(images)
    shares = torch.linspace(0, 1, STEPS + 1)
    columns = []
    with eval_mode(model), torch.no_grad():
        for share in shares.tolist():
            hottest = rank < share
            shown = torch.where(hottest == keep_hottest, images, mean)
            logits = torch.cat([model(some).float() for some in shown.split(BATCH)])
            columns.append(logits.softmax(1).gather(1, explained[:, None])[:, 0])
    return torch.stack(columns, 1).cpu().numpy()


def _ranks(maps: Tensor) -> Tensor:
    """The share of the pixels of its map that are hotter than each pixel; ties in any order."""
    flat = maps.flatten(1)
    order = flat.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(flat.shape[1], device=maps.device).expand_as(order)
    return torch.empty_like(flat).scatter_(1, order, places / flat.shape[1]).view_as(maps)


def area(curves: np.ndarray) -> np.ndarray:
    """The area under each curve, of 0 to 1."""
    return (curves[:, 1:] + curves[:, :-1]).mean(1) / 2


def random_maps(images: Tensor, seed: int = 0) -> np.ndarray:
    """Smooth maps that know nothing of the images: the control."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(len(images), 1, PLACES, PLACES, generator=generator)
    return F.interpolate(coarse, images.shape[-2:], mode="bilinear")[:, 0].numpy()


def faithfulness_areas(
    model: nn.Module, split: Split, maps: np.ndarray, seed: int = 0
) -> pd.DataFrame:
    """One row per image: the areas under deletion (the lower, the better) and insertion (the
    higher, the better) by these maps of the true class, and by random maps."""
    device = device_of(model)
    images, labels = to_float(split.images).to(device), split.labels.to(device)
    others = {"map": maps, "random map": random_maps(images, seed)}
    return pd.DataFrame(
        {
            f"{way.__name__}, {name}": area(way(model, images, torch.as_tensor(each), labels))
            for way in (deletion, insertion)
            for name, each in others.items()
        }
    )


def faithfulness_gains(areas: pd.DataFrame, split: Split) -> dict[str, Interval]:
    """What the maps are better than random ones, by deletion and by insertion: above 0, faithful.

    The rows must be those of the split. Paired; the intervals resample patients.
    """
    signs = {"deletion": -1, "insertion": 1}
    return {
        way: mean_of(sign * (areas[f"{way}, map"] - areas[f"{way}, random map"]), split.patients)
        for way, sign in signs.items()
    }


def shuffle_weights(model: nn.Module, seed: int = 0) -> nn.Module:
    """A copy of the model with the numbers of each weight tensor in another order."""
    shuffled, generator = deepcopy(model), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in shuffled.parameters():
            order = torch.randperm(weight.numel(), generator=generator).to(weight.device)
            weight.copy_(weight.flatten()[order].view_as(weight))
    return shuffled


def randomisation(model: nn.Module, split: Split, layer: str | None = None) -> np.ndarray:
    """The similarity (SSIM) of the maps of each image to those of shuffled weights (Adebayo 2018).

    Near 1, the maps show the image and not what the model has learned.
    """
    return similarity(*(_maps(each, split, layer) for each in (model, shuffle_weights(model))))


def stability(
    model: nn.Module, split: Split, noise: Attack, layer: str | None = None, draws: int = DRAWS
) -> np.ndarray:
    """The similarity (SSIM) of the maps of each image to those under noise, the mean of draws."""
    before = _maps(model, split, layer)
    pictures = [attacked_images(model, split, noise, seed) for seed in range(draws)]
    after = [_maps(model, split, layer, images) for images in pictures]
    return np.mean([similarity(before, maps) for maps in after], 0)


def _maps(
    model: nn.Module, split: Split, layer: str | None, images: Tensor | None = None
) -> np.ndarray:
    images = to_float(split.images) if images is None else images
    return heat_maps(model, images.to(device_of(model)), split.labels, layer)
