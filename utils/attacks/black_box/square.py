"""An attack that places random squares, and keeps those that help."""

from dataclasses import dataclass

import torch
from torch import Tensor

from utils.attacks.black_box.queries import BlackBox, QueryAttack
from utils.attacks.norms import check_epsilon

# Of 10,000 queries: after these, the squares cover half as many pixels (Andriushchenko 2020).
SIZE_SCHEDULE = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


@dataclass(frozen=True)
class Square(QueryAttack):
    """Random squares of +-epsilon, kept where they lower the margin (Andriushchenko 2020)."""

    epsilon: float = 8 / 255
    queries: int = 1000
    share: float = 0.8  # of the pixels, in the first squares
    target: int | None = None  # a class to reach, instead of one to leave

    def __post_init__(self):
        check_epsilon(self.epsilon, "linf")
        if self.queries < 1 or not 0 < self.share <= 1:
            raise ValueError(f"needs queries >= 1 and 0 < share <= 1, got {self!r}")

    def search(self, box: BlackBox, images: Tensor) -> Tensor:
        best, margins = images.clone(), torch.full_like(images[:, 0, 0, 0], torch.inf)
        for query in range(self.queries):
            rows = box.surviving
            if not len(rows):
                break
            moved = self._propose(images[rows], best[rows], query)
            found = box.margins(rows, moved[:, None])[:, 0]
            better = found < margins[rows]
            best[rows[better]], margins[rows[better]] = moved[better], found[better]
        return best

    def _propose(self, images: Tensor, best: Tensor, query: int) -> Tensor:
        if not query:  # vertical stripes
            return self._push(images, _signs(images[:, :, :1]))
        count, channels, height, width = images.shape
        side = self._side(query, height, width)
        inside = _stretch(count, height, side, images)[:, None, :, None]
        inside = inside & _stretch(count, width, side, images)[:, None, None, :]
        signs = _signs(images[:, :, :1, :1])
        moved = torch.where(inside, self._push(images, signs), best)
        same = (moved == best).flatten(1).all(1)  # a wasted query: use the other sign
        again = torch.where(inside[same], self._push(images[same], -signs[same]), best[same])
        moved[same] = again
        return moved

    def _push(self, images: Tensor, signs: Tensor) -> Tensor:
        return (images + self.epsilon * signs).clamp(0, 1)

    def _side(self, query: int, height: int, width: int) -> int:
        halved = sum(10_000 * query // self.queries > after for after in SIZE_SCHEDULE)
        side = round((self.share / 2**halved * height * width) ** 0.5)
        return min(max(side, 1), height, width)


def _signs(like: Tensor) -> Tensor:
    return 2.0 * torch.randint_like(like, 2) - 1


def _stretch(count: int, length: int, side: int, like: Tensor) -> Tensor:
    """For each image, `side` neighbours among `length` places."""
    start = torch.randint(length - side + 1, (count, 1), device=like.device)
    place = torch.arange(length, device=like.device)
    return (start <= place) & (place < start + side)
