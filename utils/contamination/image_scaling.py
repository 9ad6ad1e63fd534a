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
        lines = [AxisMatrix.of(self, *pair) for pair in _sizes(sources, targets)]
        rows, columns = lines[0].used[:, None], lines[1].used
        part = sources[..., rows, columns].float()
        small = lines[0].looks @ part @ lines[1].looks.T
        wanted = targets + (small - targets).clamp(-self.tolerance, self.tolerance)
        solve = solve_separate if all(each.apart for each in lines) else solve_shared
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
class AxisMatrix:
    """Rows, or columns: which of the large image count, what the small image takes from each
    of them, and how far each of them moves for the price of a small one (both: small, used)."""

    used: Tensor
    looks: Tensor
    moves: Tensor

    @classmethod
    def of(cls, attack: Scaling, before: int, after: int) -> "AxisMatrix":
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


def solve_separate(
    part: Tensor, wanted: Tensor, down: AxisMatrix, across: AxisMatrix, rounds: int
) -> Tensor:
    """No pixel serves two small ones, so each price has an equation of its own: what the block
    of a small pixel adds up to grows with its price. Newton's steps, kept between what is
    known to be too low and too high.
    """
    (rows, a), (columns, b) = _taps(down.looks), _taps(across.looks)
    places = (rows.T[:, None, :, None] * part.shape[-1] + columns.T[:, None]).flatten(0, 1)
    weights = (a.T[:, None, :, None] * b.T[:, None]).flatten(0, 1).flatten(1)
    blocks = part.flatten(2)[..., places.flatten(1)]
    prices = _prices(blocks, weights, wanted.flatten(2), rounds)
    moved = (blocks + prices[:, :, None] * weights).clamp(0, 255)
    whole = _rounded(moved, weights, wanted.flatten(2))
    own = weights != 0  # a padded tap is somebody else's pixel
    part = part.clone()
    part.flatten(2)[..., places.flatten(1)[own]] = whole[..., own]
    return part


def _taps(weights: Tensor) -> tuple[Tensor, Tensor]:
    """For each small line the places of the large ones that it is made of, and their weights."""
    count = int((weights != 0).sum(1).max())
    places = weights.abs().topk(count, 1).indices
    return places, weights.gather(1, places)


def _prices(blocks: Tensor, weights: Tensor, wanted: Tensor, rounds: int) -> Tensor:
    """Pixels that have found their price are asked no more: most have after two steps."""
    prices = torch.zeros(wanted.numel())
    asked = torch.arange(wanted.numel())
    weights = weights.repeat(1, wanted.shape[:2].numel())
    blocks, wanted_of = blocks.movedim(2, 0).flatten(1), wanted.flatten()
    low, high = torch.full_like(prices, -torch.inf), torch.full_like(prices, torch.inf)
    for _ in range(rounds):
        price = prices[asked]
        raw = blocks + price * weights
        missing = wanted_of - (raw.clamp(0, 255) * weights).sum(0)
        far = missing.abs() >= CLOSE
        if not far.any():
            break
        asked, price, missing = asked[far], price[far], missing[far]
        raw, blocks, weights = raw[:, far], blocks[:, far], weights[:, far]
        wanted_of = wanted_of[far]
        low = torch.where(missing > 0, price, low[far])
        high = torch.where(missing < 0, price, high[far])
        prices[asked] = _newton(price, missing, raw, weights, low, high)
    return prices.view_as(wanted)


def _newton(price, missing, raw, weights, low, high) -> Tensor:
    """His step, or half the way where that leads out of what is possible."""
    free = (((raw > 0) & (raw < 255)) * weights.square()).sum(0)
    step = price + missing / free.clamp_min(1e-4)
    middle = torch.where((low + high).isfinite(), (low + high) / 2, step)
    return torch.where((step > low) & (step < high), step, middle)


def _rounded(moved: Tensor, weights: Tensor, wanted: Tensor) -> Tensor:
    """Whole grey levels; the heaviest pixel of each block makes up for what rounding takes."""
    whole = moved.round()
    missing = wanted - (whole * weights).sum(-2)
    heaviest = weights.abs().argmax(0)[None]
    change = (missing / weights.gather(0, heaviest)).round()[:, :, None]
    return whole.scatter_add(2, heaviest.expand_as(change), change).clamp(0, 255)


def solve_shared(
    part: Tensor, wanted: Tensor, down: AxisMatrix, across: AxisMatrix, rounds: int
) -> Tensor:
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
