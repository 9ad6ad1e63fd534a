"""An attack that sees the predicted class, and nothing else."""

from dataclasses import dataclass
from itertools import count

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.attacks.black_box.queries import BATCH, BlackBox, QueryAttack
from utils.attacks.norms import NORMS

ORDER = {"linf": torch.inf, "l2": 2}  # of the vector norm
TRIES = 100  # noises to start from
BINARY_STEPS = 14  # of the way to the boundary: a 16,000th of it is left
SHORTER = 10  # steps tried, each half as long as the one before
NEARBY = 0.01  # of the distance to the image: how far the probes around a point go
MIN_PROBES = 10  # fewer probes cannot estimate a direction
LANDING, ROUND = 1 + BINARY_STEPS, 1 + BINARY_STEPS + SHORTER + MIN_PROBES  # queries


@dataclass(frozen=True)
class HopSkipJump(QueryAttack):
    """From noise that fools the model, along the class boundary towards the image (Chen 2020).

    To reach a target, from the closest of the other images that is predicted as the target.
    An image is broken when a point within epsilon of it fools the model. For any other, the
    result is the point of the ball in the direction of the closest image that does.
    """

    epsilon: float = 8 / 255
    queries: int = 1000
    norm: str = "linf"  # or "l2"
    probes: int = 100  # for the first direction; more and more for the later ones
    target: int | None = None  # a class to reach, instead of one to leave

    def __post_init__(self):
        if self.norm not in NORMS:
            raise ValueError(f"unknown norm {self.norm!r}; choose from {', '.join(NORMS)}")
        if self.epsilon < 0 or self.queries <= LANDING or self.probes < MIN_PROBES:
            needs = f"epsilon >= 0, queries > {LANDING}, probes >= {MIN_PROBES}"
            raise ValueError(f"needs {needs}, got {self!r}")

    def search(self, box: BlackBox, images: Tensor) -> Tensor:
        change = self.closest(box, images) - images
        return images + NORMS[self.norm].project(change, self.epsilon)

    def closest(self, box: BlackBox, images: Tensor) -> Tensor:
        """The closest images found that fool the model; the image itself where none was found."""
        found, started = self._starts(box, images)
        found[started] = self._land(box, images[started], found[started], started)
        for number in count(1):
            rows = started[box.needed[started].isinf()]
            rows = rows[box.queries[rows] + ROUND <= self.queries]
            if not len(rows):
                return found
            room = self.queries - int(box.queries[rows].max()) - ROUND + MIN_PROBES
            probes = min(int(self.probes * number**0.5), room)
            near, here = images[rows], found[rows]
            gradient = self._gradient(box, near, here, rows, probes)
            length = self._distance(near, here) / number**0.5
            there = self._step(box, here, length * gradient, rows)
            there = self._land(box, near, there, rows)
            closer = self._distance(near, there) < self._distance(near, here)
            found[rows] = torch.where(closer, there, here)

    def _starts(self, box: BlackBox, images: Tensor) -> tuple[Tensor, Tensor]:
        """Points that fool the model, and the rows of the images that have one."""
        found, missing, started = images.clone(), box.surviving, box.surviving
        if self.target is not None and (reached := images[box.needed == 0]).numel():
            far = torch.cdist(images[missing].flatten(1), reached.flatten(1), ORDER[self.norm])
            found[missing], missing = reached[far.argmin(1)], missing[:0]
        for _ in range(min(TRIES, self.queries - LANDING)):
            if not len(missing):
                break
            noise = _noise(images[missing])
            fooling = box.succeed(missing, noise[:, None], ends=False)[:, 0]
            found[missing[fooling]] = noise[fooling]
            missing = missing[~fooling]
        return found, started[~torch.isin(started, missing)]

    def _land(self, box: BlackBox, images: Tensor, fooling: Tensor, rows: Tensor) -> Tensor:
        """The point inside the ball if it fools the model, else one just across the boundary."""
        if not len(rows):
            return fooling
        inside = images + NORMS[self.norm].project(fooling - images, self.epsilon)
        broken = box.succeed(rows, inside[:, None], ends=True)[:, 0]
        landed, on = torch.where(_each(broken), inside, fooling), ~broken
        landed[on] = self._bisect(box, images[on], fooling[on], rows[on])
        return landed

    def _bisect(self, box: BlackBox, images: Tensor, fooling: Tensor, rows: Tensor) -> Tensor:
        change, far = fooling - images, self._distance(images, fooling)
        near = torch.full_like(far, self.epsilon)
        for _ in range(BINARY_STEPS if len(rows) else 0):
            middle = (near + far) / 2
            candidates = images + NORMS[self.norm].project(change, middle)
            fools = _each(box.succeed(rows, candidates[:, None], ends=False)[:, 0])
            fooling, far = torch.where(fools, candidates, fooling), torch.where(fools, middle, far)
            near = torch.where(fools, near, middle)
        return fooling

    def _gradient(self, box, images: Tensor, here: Tensor, rows: Tensor, probes: int) -> Tensor:
        """The direction in which more probes around a boundary point fool the model."""
        gradient, radius = torch.empty_like(here), NEARBY * _length(here - images, 2)
        for few in torch.arange(len(rows), device=rows.device).split(max(1, BATCH // probes)):
            noise = torch.randn_like(here[few, None].expand(-1, probes, -1, -1, -1))
            noise = noise / noise.flatten(2).norm(dim=2)[:, :, None, None, None]
            candidates = (here[few, None] + radius[few, None] * noise).clamp(0, 1)
            votes = 2.0 * box.succeed(rows[few], candidates, ends=False) - 1
            mean = votes.mean(1, keepdim=True)
            votes = torch.where(mean.abs() == 1, votes, votes - mean)
            gradient[few] = torch.einsum("np,npchw->nchw", votes, candidates - here[few, None])
        return NORMS[self.norm].direction(gradient)

    def _step(self, box, here: Tensor, step: Tensor, rows: Tensor) -> Tensor:
        """The longest of ever shorter steps that still fools the model."""
        there, left = here.clone(), torch.arange(len(rows), device=rows.device)
        for shorter in range(SHORTER):
            if not len(left):
                break
            candidates = (here[left] + step[left] / 2**shorter).clamp(0, 1)
            fools = box.succeed(rows[left], candidates[:, None], ends=False)[:, 0]
            there[left[fools]], left = candidates[fools], left[~fools]
        return there

    def _distance(self, images: Tensor, others: Tensor) -> Tensor:
        return _length(others - images, ORDER[self.norm])


def _noise(like: Tensor) -> Tensor:
    """Grains of any size: a model may give all fine noise one class, perhaps the true one."""
    height, width = like.shape[-2:]
    grains = 2 ** int(torch.randint(min(height, width).bit_length(), ()))
    coarse = torch.rand(*like.shape[:2], grains, grains, device=like.device)
    return F.interpolate(coarse, size=(height, width))


def _length(changes: Tensor, order: float) -> Tensor:
    return _each(changes.flatten(1).norm(p=order, dim=1))


def _each(values: Tensor) -> Tensor:
    """One number per image, to be combined with images."""
    return values.view(-1, 1, 1, 1)
