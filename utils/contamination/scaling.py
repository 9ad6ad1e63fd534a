"""The image-scaling attack (Xiao 2019): a picture that turns into another one when it is shrunk.

A resizer that skips pixels looks at few of them. So few have to be changed, and the small image
is whatever the attacker wants, while the large one looks as before.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from utils.contamination.resizers import Resizer

CLOSE = 0.05  # grey levels, before rounding
FAINT = 1e-3  # of a stroke: where it ends


@dataclass(frozen=True)
class Scaling:
    """The least change of `sources` after which the resizer makes `targets` of them.

    Solved in the dual: each pixel of the small image has a price, by which the pixels that it
    is made of move, as far as black and white allow. With a `brush`, their neighbours move
    with them: a larger change, but no single pixel stands out. That is an attacker who knows
    of a detector, or of a filter.

    Not every target can be reached: `achieved` in hiding says how far it was missed.
    """

    resizer: Resizer = Resizer()
    tolerance: float = 0.5  # grey levels by which a small pixel may miss before rounding
    rounds: int = 200  # at most
    brush: float = 0.0  # its width, in pixels of the small image

    def __call__(self, sources: Tensor, targets: Tensor) -> Tensor:
        """Large images (n, channels, height, width) and small ones, all uint8."""
        if not len(sources):
            return sources.clone()
        lines = [Lines.of(self, *pair) for pair in _sizes(sources, targets)]
        rows, columns = lines[0].used[:, None], lines[1].used
        part = sources[..., rows, columns].float()
        small = lines[0].looks @ part @ lines[1].looks.T
        wanted = targets + (small - targets).clamp(-self.tolerance, self.tolerance)
        solve = one_by_one if all(each.apart for each in lines) else all_at_once
        hidden = sources.clone()
        hidden[..., rows, columns] = solve(part, wanted, *lines, self.rounds).to(torch.uint8)
        return hidden


def _sizes(sources: Tensor, targets: Tensor):
    if sources.shape[:2] != targets.shape[:2]:
        raise ValueError(
            "each source hides one target with as many channels; got "
            f"{tuple(sources.shape)} and {tuple(targets.shape)}"
        )
    return zip(sources.shape[2:], targets.shape[2:], strict=True)


@dataclass(frozen=True)
class Lines:
    """Rows, or columns: which of the large image count, what the small image takes from each
    of them, and how far each of them moves for the price of a small one (both: small, used)."""

    used: Tensor
    looks: Tensor
    moves: Tensor

    @classmethod
    def of(cls, attack: Scaling, before: int, after: int) -> "Lines":
        looks = attack.resizer.matrix(before, after)
        moves = looks @ _strokes(before, attack.brush * before / after) if attack.brush else looks
        used = ((looks != 0) | (moves.abs() > FAINT)).any(0).nonzero()[:, 0]
        return cls(used, looks[:, used].float(), moves[:, used].float())

    @property
    def apart(self) -> bool:
        """Does every line of the large image serve a single line of the small one?"""
        shared = (self.looks != 0).sum(0) != 1
        return torch.equal(self.looks, self.moves) and not shared.any()


def _strokes(lines: int, width: float) -> Tensor:
    """How far each line takes each other along."""
    place = torch.arange(lines).double()
    return torch.exp(-0.5 * ((place[:, None] - place) / width).square())


def one_by_one(part: Tensor, wanted: Tensor, down: Lines, across: Lines, rounds: int) -> Tensor:
    """No pixel serves two small ones, so each price has an equation of its own: what the block
    of a small pixel adds up to grows with its price. Newton's steps, kept between what is
    known to be too low and too high.
    """
    (down_taps, a), (across_taps, b) = _taps(down.looks), _taps(across.looks)
    weights = a[:, :, None, None] * b
    blocks = part[..., down_taps.flatten()[:, None], across_taps.flatten()]
    blocks = blocks.unflatten(-1, across_taps.shape).unflatten(-3, down_taps.shape)
    prices = _prices(blocks, weights, wanted, rounds)
    moved = (blocks + prices[..., :, None, :, None] * weights).clamp(0, 255)
    whole = _rounded(moved, weights, wanted).flatten(-2).flatten(-3, -2)
    rows, columns = (a != 0).flatten(), (b != 0).flatten()  # a padded tap is somebody else's pixel
    part = part.clone()
    places = down_taps.flatten()[rows][:, None], across_taps.flatten()[columns]
    part[..., places[0], places[1]] = whole[..., rows, :][..., columns]
    return part


def _taps(weights: Tensor) -> tuple[Tensor, Tensor]:
    """For each small line the places of the large ones that it is made of, and their weights."""
    count = int((weights != 0).sum(1).max())
    places = weights.abs().topk(count, 1).indices
    return places, weights.gather(1, places)


def _prices(blocks: Tensor, weights: Tensor, wanted: Tensor, rounds: int) -> Tensor:
    price = torch.zeros_like(wanted)
    low, high = torch.full_like(wanted, -torch.inf), torch.full_like(wanted, torch.inf)
    for _ in range(rounds):
        raw = blocks + price[..., :, None, :, None] * weights
        missing = wanted - (raw.clamp(0, 255) * weights).sum((-3, -1))
        if missing.abs().max() < CLOSE:
            break
        low, high = torch.where(missing > 0, price, low), torch.where(missing < 0, price, high)
        free = (((raw > 0) & (raw < 255)) * weights.square()).sum((-3, -1))
        step = price + missing / free.clamp_min(1e-4)
        middle = torch.where((low + high).isfinite(), (low + high) / 2, step)
        price = torch.where((step > low) & (step < high), step, middle)
    return price


def _rounded(moved: Tensor, weights: Tensor, wanted: Tensor) -> Tensor:
    """Whole grey levels; the heaviest pixel of each block makes up for what rounding takes."""
    whole = moved.round()
    missing = wanted - (whole * weights).sum((-3, -1))
    heaviest = (weights.abs() == weights.abs().amax((1, 3), keepdim=True)).float()
    first = (heaviest.movedim(1, 2).flatten(2).cumsum(2) == 1).view_as(heaviest.movedim(1, 2))
    chosen = heaviest * first.movedim(2, 1)
    change = (missing / (chosen * weights).sum((1, 3))).round()
    return (whole + chosen * change[..., :, None, :, None]).clamp(0, 255)


def all_at_once(part: Tensor, wanted: Tensor, down: Lines, across: Lines, rounds: int) -> Tensor:
    """Pixels are shared: accelerated steps (Nesterov 1983), each of which would be the last one
    if there were no black and white."""
    inverses = [torch.linalg.pinv((e.looks @ e.moves.T).double()).float() for e in (down, across)]
    price = ahead = torch.zeros_like(wanted)
    for number in range(rounds):
        moved = (part + down.moves.T @ ahead @ across.moves).clamp(0, 255)
        missing = wanted - down.looks @ moved @ across.looks.T
        if missing.abs().max() < CLOSE:
            break
        before, price = price, ahead + inverses[0] @ missing @ inverses[1].T
        ahead = price + number / (number + 3) * (price - before)
    return moved.round()
