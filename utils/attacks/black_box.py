"""Attacks that only ask: the model answers questions, and shows neither weights nor gradients.

They are called like the attacks of `attacks`; `queries_needed` says after how many questions
each image fell.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from utils.attacks.pgd import eval_mode
from utils.run import autocast

BATCH = 512  # images that a model is asked about in one go, to spare the memory
# Of 10,000 questions: after these, the squares cover half as many pixels (Andriushchenko 2020).
SIZE_SCHEDULE = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


class BlackBox:
    """A model behind a counter: how many questions about each image, after how many it fell.

    Looking at the unchanged images is free, and what is wrong already falls after 0 questions.
    """

    def __init__(self, model: nn.Module, images: Tensor, labels: Tensor):
        self.model, self.labels = model, labels
        self.asked = torch.zeros_like(labels)
        self.needed = torch.full_like(images[:, 0, 0, 0], torch.inf)
        self.margins(self.standing, images[:, None])
        self.needed[self.needed.isfinite()] = 0
        self.asked.zero_()

    @property
    def standing(self) -> Tensor:
        """The numbers of the images that have not fallen yet."""
        return self.needed.isinf().nonzero()[:, 0]

    def margins(self, which: Tensor, shown: Tensor) -> Tensor:
        """The lead of the true class over the best other: below 0, the model is wrong.

        `shown` are the candidates (images, candidates, channels, height, width) for `which`.
        """
        logits, truth = self._answers(shown), self.labels[which][:, None, None]
        truth = truth.expand(-1, shown.shape[1], 1)
        others = logits.scatter(2, truth, -torch.inf).max(2).values
        margins = logits.gather(2, truth)[:, :, 0] - others
        self._count(which, margins < 0)
        return margins

    def wrong(self, which: Tensor, shown: Tensor, ends: bool) -> Tensor:
        """Which candidates the model gets wrong, and no more; if one is, may the attack end?"""
        wrong = self._answers(shown).argmax(2) != self.labels[which][:, None]
        self._count(which, wrong & ends)
        return wrong

    def _answers(self, shown: Tensor) -> Tensor:
        parts = shown.flatten(0, 1).split(BATCH)
        return torch.cat([self.model(part).float() for part in parts]).unflatten(0, shown.shape[:2])

    def _count(self, which: Tensor, success: Tensor):
        """Candidates are asked about in their order, and the first success ends the attack."""
        fell = success.any(1)
        first = self.asked[which] + 1 + success.float().argmax(1)
        self.needed[which[fell]] = first[fell].to(self.needed.dtype)
        self.asked[which] += success.shape[1]


class QueryAttack:
    """What these attacks share: `search(box, images)` asks the box and returns its best images."""

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return _run(self, model, images, labels)[0]


def queries_needed(attack: QueryAttack, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Questions until each image fell: 0 where the model was wrong already, inf where it stood."""
    return _run(attack, model, images, labels)[1]


def _run(attack, model, images, labels) -> tuple[Tensor, Tensor]:
    with torch.no_grad(), eval_mode(model), autocast(images.device, "float32"):
        if not len(images):
            return images.clone(), images.new_zeros(0)
        box = BlackBox(model, images, labels)
        attacked = attack.search(box, images)
        attacked[box.needed == 0] = images[box.needed == 0]  # wrong already: nothing to do
        return attacked, box.needed


@dataclass(frozen=True)
class Square(QueryAttack):
    """Random squares of +-epsilon, kept where they lower the margin (Andriushchenko 2020)."""

    epsilon: float = 8 / 255
    queries: int = 1000
    share: float = 0.8  # of the pixels, in the first squares

    def __post_init__(self):
        if self.epsilon < 0 or self.queries < 1 or not 0 < self.share <= 1:
            raise ValueError(f"needs epsilon >= 0, queries >= 1, 0 < share <= 1, got {self!r}")

    def search(self, box: BlackBox, images: Tensor) -> Tensor:
        best, margins = images.clone(), torch.full_like(images[:, 0, 0, 0], torch.inf)
        for query in range(self.queries):
            which = box.standing
            if not len(which):
                break
            moved = self._moved(images[which], best[which], query)
            found = box.margins(which, moved[:, None])[:, 0]
            better = found < margins[which]
            best[which[better]], margins[which[better]] = moved[better], found[better]
        return best

    def _moved(self, images: Tensor, best: Tensor, query: int) -> Tensor:
        if not query:  # vertical stripes
            return self._pushed(images, _signs(images[:, :, :1]))
        count, channels, height, width = images.shape
        side = self._side(query, height, width)
        inside = _stretch(count, height, side, images)[:, None, :, None]
        inside = inside & _stretch(count, width, side, images)[:, None, None, :]
        signs = _signs(images[:, :, :1, :1])
        moved = torch.where(inside, self._pushed(images, signs), best)
        same = (moved == best).flatten(1).all(1)  # a wasted question: the other way, then
        again = torch.where(inside[same], self._pushed(images[same], -signs[same]), best[same])
        moved[same] = again
        return moved

    def _pushed(self, images: Tensor, signs: Tensor) -> Tensor:
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
