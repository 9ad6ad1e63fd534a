"""A patch: a small square of the image that may take any colours."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.base import eval_mode, survivors
from utils.attacks.losses import CLASS_LOSSES
from utils.attacks.pgd import PGD
from utils.attacks.regions import gradient_size

PLACES = ("strongest", "border", "corner", "random")
FILLS = ("noise", "grey")


@dataclass(frozen=True)
class AdversarialPatch:
    """A square where the loss depends most on the pixels, painted by PGD without a bound.

    Images that survive get the square elsewhere, up to `tries` times.
    """

    area: float = 0.08  # of the image
    steps: int = 50
    place: str = "strongest"  # of all squares; or of "border" or "corner"; or "random"
    tries: int = 3  # places
    loss: str = "margin"  # or "cross_entropy"
    target: int | None = None  # a class to reach, instead of one to leave

    def __post_init__(self):
        check_patch(self.area, self.place, PLACES)
        if self.steps < 1 or self.tries < 1:
            raise ValueError(f"needs steps >= 1 and tries >= 1, got {self!r}")
        if self.loss not in CLASS_LOSSES:
            raise ValueError(f"unknown loss {self.loss!r}; choose from {', '.join(CLASS_LOSSES)}")

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        attacked = images.clone()
        left = self._left(model, attacked, labels)
        if not len(left):
            return attacked
        goal = labels[left] if self.target is None else torch.full_like(labels[left], self.target)
        masks = squares(model, images[left], goal, self.area, self.place, self.tries)
        standing = torch.arange(len(left), device=left.device)  # rows of the masks
        for mask in masks:
            rows = left[standing]
            paint = self._paint(mask[standing])
            attacked[rows] = paint(model, images[rows], labels[rows])
            standing = standing[self._left(model, attacked[rows], labels[rows])]
        return attacked

    def _left(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        with eval_mode(model), torch.autocast(images.device.type, enabled=False):
            return survivors(model, images, labels, self.target)

    def _paint(self, mask: Tensor) -> PGD:
        return PGD(
            1.0, self.steps, target=self.target, loss=self.loss, stop_when_fooled=True,
            region=lambda *_: mask,
        )  # fmt: skip


@dataclass(frozen=True)
class ControlPatch:
    """The control: a square at the same place that was painted without the model."""

    area: float = 0.08
    place: str = "strongest"
    fill: str = "noise"  # or "grey"

    def __post_init__(self):
        check_patch(self.area, self.place, PLACES)
        if self.fill not in FILLS:
            raise ValueError(f"unknown fill {self.fill!r}; choose from {', '.join(FILLS)}")

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        if not len(images):
            return images.clone()
        mask = squares(model, images, labels, self.area, self.place)[0]
        fill = torch.rand_like(images) if self.fill == "noise" else torch.full_like(images, 0.5)
        return torch.where(mask > 0, fill, images)


def side_of(area: float, images: Tensor) -> int:
    """The side in pixels of a square that covers this share of an image."""
    height, width = images.shape[-2:]
    return min(max(1, round((area * height * width) ** 0.5)), height, width)


def squares(
    model: nn.Module, images: Tensor, labels: Tensor, area: float, place: str, tries: int = 1
) -> list[Tensor]:
    """Masks (n, 1, height, width) of one square for each image, the most promising first.

    Each lies at least half of its side away from the earlier ones.
    """
    side = side_of(area, images)
    with eval_mode(model), torch.autocast(images.device.type, enabled=False):
        strength = F.avg_pool2d(gradient_size(model, images, labels), side, 1)
    if place == "random":
        strength = torch.rand_like(strength)
    strength = strength.where(_allowed(strength, place), -1.0)[:, 0]  # no square has less than 0
    masks = []
    for _ in range(tries):
        best = strength.flatten(1).argmax(1)
        top, left = best // strength.shape[2], best % strength.shape[2]
        masks.append(_square(images[:, 0], top, left, side)[:, None].to(images.dtype))
        near = _square(strength, top - side // 2, left - side // 2, 2 * (side // 2) + 1)
        strength = strength.masked_fill(near, -1.0)
    return masks


def _square(like: Tensor, top: Tensor, left: Tensor, side: int) -> Tensor:
    """Where the square of each image lies in (n, height, width)."""
    rows, columns = (torch.arange(size, device=like.device) for size in like.shape[1:])
    row, column = rows - top[:, None], columns - left[:, None]
    inside_row, inside_column = (row >= 0) & (row < side), (column >= 0) & (column < side)
    return inside_row[:, :, None] & inside_column[:, None, :]


def _allowed(strength: Tensor, place: str) -> Tensor:
    """Where the upper left pixel of a square may lie."""
    rows, columns = (torch.arange(size, device=strength.device) for size in strength.shape[2:])
    at_row = ((rows == 0) | (rows == rows[-1]))[:, None]
    at_column = (columns == 0) | (columns == columns[-1])
    if place == "corner":
        return at_row & at_column
    return at_row | at_column if place == "border" else torch.ones_like(at_row | at_column)


def check_patch(area: float, place: str, places: tuple[str, ...]) -> None:
    """Refuse an area that is no share of an image, and an unknown place."""
    if not 0 < area < 1:
        raise ValueError(f"area is a share of the image, between 0 and 1, got {area}")
    if place not in places:
        raise ValueError(f"unknown place {place!r}; choose from {', '.join(places)}")
