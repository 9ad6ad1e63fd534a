"""The image-scaling attack (Xiao 2019): an image that becomes another one when it is shrunk.

A resizer that skips pixels reads few of them. The attacker changes only these, and so decides the
whole small image, while the large one looks as before.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from utils.contamination.resizers import Resizer

TOLERANCE = 0.05  # grey levels before rounding: near enough to the target
BRUSH_END = 1e-3  # of its full weight: where a brush stroke ends


@dataclass(frozen=True)
class Scaling:
    """The least change of `sources` after which the resizer makes `targets` of them.

    A small pixel may miss its target by `tolerance`. Where the resizer reads each large pixel for
    one small pixel only, no smaller change exists. Where it shares them, the change is the least
    one for those targets within the tolerance that are nearest to what is there.

    Solved in the dual: each pixel of the small image has a multiplier, and the large pixels behind
    it change in proportion, between black and white. With a `brush`, their neighbours change as
    well: a larger change in which no single pixel stands out, against a detector or a filter.

    Not every target can be reached: `attack_quality` measures how far it was missed.
    """

    resizer: Resizer = Resizer()
    tolerance: float = 0.5  # grey levels: error of a small pixel before rounding
    rounds: int = 200  # at most
    brush: float = 0.0  # its width, in pixels of the small image

    def __call__(self, sources: Tensor, targets: Tensor) -> Tensor:
        """Large images (n, channels, height, width) and small ones, all uint8."""
        if not len(sources):
            return sources.clone()
        axes = [AxisMatrix.of(self, *pair) for pair in _sizes(sources, targets)]
        rows, columns = axes[0].used[:, None], axes[1].used
        part = sources[..., rows, columns].float()
        small = axes[0].reads @ part @ axes[1].reads.T
        wanted = targets + (small - targets).clamp(-self.tolerance, self.tolerance)
        solve = solve_separate if all(axis.separate for axis in axes) else solve_shared
        hidden = sources.clone()
        hidden[..., rows, columns] = solve(part, wanted, *axes, self.rounds).to(torch.uint8)
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
    """One direction of the resizer, reduced to the lines of the large image that matter.

    `used` are their places, `reads` the weights with which the small image reads them, and
    `moves` how far each changes per unit of a multiplier (both: small, used).
    """

    used: Tensor
    reads: Tensor
    moves: Tensor

    @classmethod
    def of(cls, attack: Scaling, before: int, after: int) -> "AxisMatrix":
        reads = attack.resizer.matrix(before, after)
        moves = reads @ _brush(before, attack.brush * before / after) if attack.brush else reads
        used = ((reads != 0) | (moves.abs() > BRUSH_END)).any(0).nonzero()[:, 0]
        return cls(used, reads[:, used].float(), moves[:, used].float())

    @property
    def separate(self) -> bool:
        """Does every line of the large image belong to a single line of the small one?"""
        shared = (self.reads != 0).sum(0) != 1
        return torch.equal(self.reads, self.moves) and not shared.any()


def _brush(lines: int, width: float) -> Tensor:
    """How much each line changes along with each other line."""
    place = torch.arange(lines).double()
    return torch.exp(-0.5 * ((place[:, None] - place) / width).square())


def solve_separate(
    part: Tensor, wanted: Tensor, down: AxisMatrix, across: AxisMatrix, rounds: int
) -> Tensor:
    """No pixel is read twice, so each multiplier solves an equation of its own.

    The value of a small pixel grows with its multiplier: Newton steps inside a bracket.
    """
    (rows, a), (columns, b) = _taps(down.reads), _taps(across.reads)
    places = (rows.T[:, None, :, None] * part.shape[-1] + columns.T[:, None]).flatten(0, 1)
    weights = (a.T[:, None, :, None] * b.T[:, None]).flatten(0, 1).flatten(1)
    blocks = part.flatten(2)[..., places.flatten(1)]
    multipliers = _multipliers(blocks, weights, wanted.flatten(2), rounds)
    moved = (blocks + multipliers[:, :, None] * weights).clamp(0, 255)
    whole = _round(moved, weights, wanted.flatten(2))
    own = weights != 0  # a padded tap belongs to another block
    part = part.clone()
    part.flatten(2)[..., places.flatten(1)[own]] = whole[..., own]
    return part


def _taps(weights: Tensor) -> tuple[Tensor, Tensor]:
    """For each small line the places of the large lines that it reads, and their weights."""
    count = int((weights != 0).sum(1).max())
    places = weights.abs().topk(count, 1).indices
    return places, weights.gather(1, places)


def _multipliers(blocks: Tensor, weights: Tensor, wanted: Tensor, rounds: int) -> Tensor:
    """The multiplier of each small pixel; solved ones leave the loop, most after two steps."""
    multipliers = torch.zeros(wanted.numel())
    active = torch.arange(wanted.numel())
    weights = weights.repeat(1, wanted.shape[:2].numel())
    blocks, targets = blocks.movedim(2, 0).flatten(1), wanted.flatten()
    low, high = torch.full_like(multipliers, -torch.inf), torch.full_like(multipliers, torch.inf)
    for _ in range(rounds):
        value = multipliers[active]
        raw = blocks + value * weights
        missing = targets - (raw.clamp(0, 255) * weights).sum(0)
        far = missing.abs() >= TOLERANCE
        if not far.any():
            break
        active, value, missing = active[far], value[far], missing[far]
        raw, blocks, weights = raw[:, far], blocks[:, far], weights[:, far]
        targets = targets[far]
        low = torch.where(missing > 0, value, low[far])
        high = torch.where(missing < 0, value, high[far])
        multipliers[active] = _newton(value, missing, raw, weights, low, high)
    return multipliers.view_as(wanted)


def _newton(value, missing, raw, weights, low, high) -> Tensor:
    """A Newton step, or bisection where that would leave the bracket."""
    free = (((raw > 0) & (raw < 255)) * weights.square()).sum(0)
    step = value + missing / free.clamp_min(1e-4)
    middle = torch.where((low + high).isfinite(), (low + high) / 2, step)
    return torch.where((step > low) & (step < high), step, middle)


def _round(moved: Tensor, weights: Tensor, wanted: Tensor) -> Tensor:
    """Whole grey levels; the heaviest pixel of each block corrects the rounding error."""
    whole = moved.round()
    missing = wanted - (whole * weights).sum(-2)
    heaviest = weights.abs().argmax(0)[None]
    change = (missing / weights.gather(0, heaviest)).round()[:, :, None]
    return whole.scatter_add(2, heaviest.expand_as(change), change).clamp(0, 255)


def solve_shared(
    part: Tensor, wanted: Tensor, down: AxisMatrix, across: AxisMatrix, rounds: int
) -> Tensor:
    """Pixels are read several times: accelerated gradient steps (Nesterov 1983).

    Each step would be exact if grey levels had no limits.
    """
    inverses = [torch.linalg.pinv((e.reads @ e.moves.T).double()).float() for e in (down, across)]
    dual = ahead = torch.zeros_like(wanted)
    for number in range(rounds):
        moved = (part + down.moves.T @ ahead @ across.moves).clamp(0, 255)
        missing = wanted - down.reads @ moved @ across.reads.T
        if missing.abs().max() < TOLERANCE:
            break
        before, dual = dual, ahead + inverses[0] @ missing @ inverses[1].T
        ahead = dual + number / (number + 3) * (dual - before)
    return moved.round()
