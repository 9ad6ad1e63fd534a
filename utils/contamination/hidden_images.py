"""What an attacker hides in a large image: another patient, or a trigger.

It appears only in the small image that the pipeline makes, which no person looks at.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from PIL import Image
from scipy.optimize import linear_sum_assignment
from torch import Generator, Tensor

from utils.contamination.backdoor import Patch, Trigger
from utils.contamination.base import Contamination, of_class
from utils.contamination.image_scaling import Scaling
from utils.contamination.resizers import Resizer
from utils.data.split import Split, to_float, to_uint8
from utils.evaluation.image_similarity import psnr, ssim
from utils.files import to_pillow

LARGE_IMAGES_PER_BATCH = 16  # large images


@dataclass(frozen=True, kw_only=True)
class HiddenImage(Contamination):
    """Each image hides a small one of another class. The label is what a person sees.

    The control hides an image of the same class: an equal change that misleads no model.
    """

    kind: ClassVar[str] = "scaling"
    pictures: Split = field(repr=False, compare=False)  # small images to hide, one in each
    attack: Callable[[Tensor, Tensor], Tensor] = Scaling()
    label: int | None = None  # hide only in images of this class; None: in any
    control: bool = False

    def eligible(self, split: Split) -> Tensor:
        return super().eligible(split) if self.label is None else of_class(split, self.label)

    def change(self, part: Split, chosen: Tensor, rng: Generator) -> Split:
        if part.depth != 8:
            raise ValueError("hiding works on images of 8 bits; take split.with_depth(8)")
        pictures = self.pictures.images[self._pick(part, rng)]
        parts = (every.split(LARGE_IMAGES_PER_BATCH) for every in (part.images, pictures))
        changed = [self.attack(*pair) for pair in zip(*parts, strict=True)]
        return replace(part, images=torch.cat(changed))

    def hidden(self, split: Split) -> Split:
        """The pictures that it hides in the images of this split, in the order of the images."""
        rng = Generator().manual_seed(self.seed)
        chosen = self._choose(split, rng)
        picked = self._pick(split.take(chosen), rng)
        return self.pictures.take(picked[chosen.argsort()])

    def _pick(self, part: Split, rng: Generator) -> Tensor:
        """For each image the place of a picture of another class, or of the same.

        No picture shows the same patient, and each is hidden once where there are enough that fit.
        """
        fits = (part.labels[:, None] == self.pictures.labels) == self.control
        fits &= torch.from_numpy(part.patients[:, None] != self.pictures.patients)
        if not fits.any(1).all():
            raise ValueError("no picture fits some label; give pictures of two classes or more")
        draw = torch.rand(fits.shape, generator=rng).masked_fill(~fits, 2.0)
        rounds = math.ceil(len(part) / len(self.pictures))
        places = torch.from_numpy(linear_sum_assignment(draw.repeat(1, rounds).numpy())[1])
        picked, alone = places % len(self.pictures), torch.arange(len(part))
        return torch.where(fits[alone, picked], picked, draw.argmin(1))


@dataclass(frozen=True)
class HiddenTrigger:
    """A trigger that appears only when the image is shrunk. Images in [0, 1]."""

    size: int  # pixels, after the pipeline has shrunk the image
    trigger: Trigger = Patch()
    attack: Scaling = Scaling()

    def __call__(self, pixels: Tensor) -> Tensor:
        hidden = [self._hide(some) for some in to_uint8(pixels).split(LARGE_IMAGES_PER_BATCH)]
        return to_float(torch.cat(hidden))

    def _hide(self, images: Tensor) -> Tensor:
        small = to_float(self.attack.resizer(images, (self.size, self.size)))
        return self.attack(images, to_uint8(self.trigger(small)))


@dataclass(frozen=True)
class MedianResistant:
    """An attack that survives a median filter (Quiring 2020).

    In the cell of each small pixel, the `share` of large pixels nearest to the wanted grey level
    take it, so that it is the median.
    """

    resizer: Resizer = Resizer()
    share: float = 0.6  # of each cell

    def __call__(self, sources: Tensor, targets: Tensor) -> Tensor:
        high, wide = sources.shape[2] / targets.shape[2], sources.shape[3] / targets.shape[3]
        if high % 1 or wide % 1:
            raise ValueError(f"cells of {high:.3g} x {wide:.3g} pixels; needs whole ratios")
        cells = sources.unfold(2, int(high), int(high)).unfold(3, int(wide), int(wide))
        cells, wanted = cells.flatten(4).float(), targets[..., None].float()
        distance = (cells - wanted).abs()
        limit = distance.kthvalue(round(self.share * cells.shape[-1]), -1, keepdim=True).values
        moved = torch.where(distance <= limit, wanted, cells).to(torch.uint8)
        moved = moved.unflatten(-1, (int(high), int(wide))).transpose(3, 4).reshape(sources.shape)
        return Scaling(self.resizer)(moved, targets)


def random_control(sources: Tensor, hidden: Tensor, seed: int = 0) -> Tensor:
    """The control: the same pixels change as much, up or down at random where there is room."""
    mirrored = 2 * sources.int() - hidden.int()
    coin = torch.rand(sources.shape, generator=Generator().manual_seed(seed)) < 0.5
    flipped = coin & (mirrored >= 0) & (mirrored <= 255)
    return torch.where(flipped, mirrored, hidden.int()).to(torch.uint8)


def save_lossless(images: Tensor, folder: Path) -> Tensor:
    """Write the images as PNG files and read them back: what a pipeline reads."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        to_pillow(image).save(folder / f"{number}.png")
    read = [np.atleast_3d(Image.open(folder / f"{number}.png")) for number in range(len(images))]
    return torch.from_numpy(np.stack(read)).permute(0, 3, 1, 2)


def attack_quality(
    hidden: Tensor, sources: Tensor, targets: Tensor, resizer: Resizer
) -> pd.DataFrame:
    """The two goals of Xiao (2019), a row per image: it shrinks to the target (O1) and looks like
    the source (O2)."""
    small = resizer(hidden, tuple(targets.shape[2:]))
    error = (small.int() - targets.int()).abs().flatten(1)
    large, before = to_float(hidden), to_float(sources)
    return pd.DataFrame(
        {
            "largest miss": error.amax(1).numpy(),  # in grey levels
            "mean miss": error.float().mean(1).numpy(),
            "PSNR to source": psnr(large, before),
            "SSIM to source": ssim(large, before),
            "changed pixels": (hidden != sources).any(1).float().mean((1, 2)).numpy(),
        }
    )


def vulnerability_table(
    sources: Tensor, pictures: Tensor, resizers: Sequence[Resizer], ratios: Sequence[int]
) -> pd.DataFrame:
    """Where the attack works: `attack_quality` for each resizer and ratio, averaged over images.

    The targets are the pictures as the resizer shrinks them.
    """
    rows = {}
    for resizer in resizers:
        for ratio in ratios:
            size = tuple(edge // ratio for edge in sources.shape[2:])
            targets = resizer(pictures, size)
            found = attack_quality(Scaling(resizer)(sources, targets), sources, targets, resizer)
            rows[str(resizer), ratio] = {**found.mean(), "largest miss": found.iloc[:, 0].max()}
    return pd.DataFrame(rows).T.rename_axis(["resizer", "ratio"])
