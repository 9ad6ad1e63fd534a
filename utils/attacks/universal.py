"""Universal attacks: made once from the attacker's images, then put on any other.

A perturbation is added to the whole image, a patch is stuck on a part of it.
"""

from dataclasses import dataclass, field, replace
from math import radians

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utils.attacks.base import eval_mode, unless_reached
from utils.attacks.losses import AttackLoss, cross_entropy
from utils.attacks.patch import check_patch, side_of
from utils.attacks.pgd import loss_and_gradient
from utils.data.split import Split, batches, to_float
from utils.run import autocast, device_of

SPOTS = {"centre": (0.5, 0.5), "corner": (1.0, 1.0)}  # of the free way; "anywhere" is drawn
LOSS_CAP = 3.0  # an image with a larger loss is fooled already and has no gradient


@dataclass(frozen=True, eq=False)
class Universal:
    """Adds the same change to every image, for any model."""

    epsilon: float
    pattern: Tensor = field(repr=False)  # (1, channels, height, width), from -1 to 1
    target: int | None = None  # images that are predicted as it already stay as they are

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        attacked = (images + self.epsilon * self.pattern.to(images)).clamp(0, 1)
        return unless_reached(model, images, attacked, self.target, labels)


def fit_universal(
    model: nn.Module,
    known: Split,
    epsilon: float = 8 / 255,
    rounds: int = 10,
    seed: int = 0,
    target: int | None = None,
) -> Universal:
    """The change within epsilon that hurts most over the `known` images (Shafahi 2020).

    With a target, the change that brings most of them to this class.
    """
    device = device_of(model)
    pattern = torch.zeros_like(to_float(known.images[:1])).to(device)
    with torch.random.fork_rng(), eval_mode(model), autocast(device, "float32"):
        torch.manual_seed(seed)
        for _ in range(rounds):
            for images, labels in batches(known, 128, shuffle=True):
                attacked = (to_float(images.to(device)) + epsilon * pattern).clamp(0, 1)
                loss = universal_loss(labels.to(device), target)
                gradient = loss_and_gradient(model, attacked, loss)[2]
                pattern = pattern + 2.5 / rounds * gradient.sum(0, keepdim=True).sign()
                pattern = pattern.clamp(-1, 1)
    return Universal(epsilon, pattern, target)


def universal_loss(labels: Tensor, target: int | None = None) -> AttackLoss:
    """What a change for all images climbs: an image that is fooled for sure counts no more."""
    if target is None:
        return lambda logits: cross_entropy(logits, labels).clamp_max(LOSS_CAP)
    return lambda logits: -cross_entropy(logits, torch.full_like(labels, target))


@dataclass(frozen=True, eq=False)
class UniversalPatch:
    """Sticks the same square on every image, turned and shifted a little by a clumsy hand."""

    pixels: Tensor = field(repr=False)  # (1, channels, side, side)
    place: str = "anywhere"  # inside the image, drawn anew for each; or "centre" or "corner"
    turn: float = 0.0  # degrees at most, to either side
    shift: float = 0.0  # of its side at most, to all sides
    target: int | None = None  # images that are predicted as it already stay as they are

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        if not len(images):
            return images.clone()
        attacked = paste_patch(images, self.pixels.to(images), *self.draw(images))
        return unless_reached(model, images, attacked, self.target, labels)

    def draw(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """For each image the centre of the square, (n, 2) as x and y in pixels, and its turn."""
        side, pairs = self.pixels.shape[-1], images.new_empty(len(images), 2)
        free = pairs.new_tensor(images.shape[:1:-1]) - side
        if self.place == "anywhere":
            start = (pairs.uniform_() * (free + 1)).floor().minimum(free)
        else:
            start = (pairs.new_tensor(SPOTS[self.place]) * free).floor().expand_as(pairs)
        wobble = torch.empty_like(start).uniform_(-1, 1) * self.shift * side
        angles = radians(self.turn) * torch.empty_like(start[:, 0]).uniform_(-1, 1)
        return start + side / 2 + wobble, angles

    def control(self, seed: int = 0) -> "UniversalPatch":
        """The same square with random pixels."""
        generator = torch.Generator().manual_seed(seed)
        return replace(self, pixels=torch.rand(self.pixels.shape, generator=generator))


def fit_patch(
    model: nn.Module,
    known: Split,
    area: float = 0.08,
    rounds: int = 30,
    place: str = "anywhere",
    turn: float = 0.0,
    shift: float = 0.0,
    target: int | None = None,
    seed: int = 0,
) -> UniversalPatch:
    """The square that hurts most over the `known` images, wherever it is stuck (Brown 2017).

    With a turn or a shift it can be printed: it is fitted in expectation over both.
    """
    check_patch(area, place, ("anywhere", *SPOTS))
    device = device_of(model)
    side = side_of(area, known.images)
    pixels = torch.full((1, known.images.shape[1], side, side), 0.5, device=device)
    patch = UniversalPatch(pixels, place, turn, shift, target)
    with torch.random.fork_rng(), eval_mode(model), autocast(device, "float32"):
        torch.manual_seed(seed)
        for number in range(rounds):
            step = 0.25 * (1 - number / rounds)  # long at first
            for images, labels in batches(known, 128, shuffle=True):
                images, labels = to_float(images.to(device)), labels.to(device)
                gradient = _gradient(model, patch, images, labels)
                pixels = (patch.pixels + step * gradient.sign()).clamp(0, 1)
                patch = replace(patch, pixels=pixels)
    return patch


def _gradient(model: nn.Module, patch: UniversalPatch, images: Tensor, labels: Tensor) -> Tensor:
    """How the loss of all images changes with each pixel of the square."""
    drawn = patch.draw(images)

    def seen_through(pixels: Tensor) -> Tensor:
        return model(paste_patch(images, pixels, *drawn))

    return loss_and_gradient(seen_through, patch.pixels, universal_loss(labels, patch.target))[2]


def paste_patch(images: Tensor, pixels: Tensor, centres: Tensor, angles: Tensor) -> Tensor:
    """The images with the square at these centres, turned by these angles."""
    side, size = pixels.shape[-1], images.new_tensor(images.shape[:1:-1])
    cos, sin = angles.cos(), angles.sin()
    turns = torch.stack([cos, sin, -sin, cos], 1).view(-1, 2, 2)
    middle = (2 * centres / size - 1)[:, :, None] * size[:, None]
    matrices = torch.cat([turns * size, -turns @ middle], 2) / side
    grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
    stuck = F.grid_sample(
        pixels.expand(len(images), -1, -1, -1), grid, padding_mode="border", align_corners=False
    )
    inside = (grid.abs().amax(3) <= 1)[:, None]
    return torch.where(inside, stuck, images)
