"""What attacks by queries share: a model behind a counter, and one way to run them.

They are called like any attack; `queries_needed` counts the queries until each image is broken.
"""

import torch
from torch import Tensor, nn

from utils.attacks.base import eval_mode
from utils.attacks.losses import check_one_label, margin
from utils.run import autocast

BATCH = 512  # images per forward pass, to spare the memory


class BlackBox:
    """A model behind a counter: the queries about each image, and how many it took to break it.

    Predicting the unchanged images is free; a misclassified one is broken after 0 queries.
    With a target, an image is broken where the model predicts the target.
    """

    def __init__(self, model: nn.Module, images: Tensor, labels: Tensor, target: int | None = None):
        self.model, self.target = model, target
        self.goal = labels if target is None else torch.full_like(labels, target)
        self.queries = labels.new_zeros(len(labels))
        self.needed = torch.full_like(images[:, 0, 0, 0], torch.inf)
        self.margins(self.surviving, images[:, None])
        self.needed[self.needed.isfinite()] = 0
        self.queries.zero_()

    @property
    def surviving(self) -> Tensor:
        """The rows of the images that are not broken yet."""
        return self.needed.isinf().nonzero()[:, 0]

    def margins(self, rows: Tensor, candidates: Tensor) -> Tensor:
        """What the attack lowers, below 0 where it succeeds: the lead of the true class over the
        best other, or of the best other over the target.

        `candidates` for `rows`: (images, candidates, channels, height, width).
        """
        logits = self._logits(candidates).flatten(0, 1)
        goal = self.goal[rows].repeat_interleave(candidates.shape[1], 0)
        margins = margin(logits, goal).view(candidates.shape[:2])
        margins = margins if self.target is not None else -margins
        self._count(rows, margins < 0)
        return margins

    def succeed(self, rows: Tensor, candidates: Tensor, ends: bool) -> Tensor:
        """Which candidates fool the model, and no more. Does one end the attack?"""
        check_one_label(self.goal, "an attack that sees only the predicted class")
        predicted = self._logits(candidates).argmax(2)
        success = (predicted == self.goal[rows][:, None]) == (self.target is not None)
        self._count(rows, success & ends)
        return success

    def _logits(self, candidates: Tensor) -> Tensor:
        parts = candidates.flatten(0, 1).split(BATCH)
        logits = torch.cat([self.model(part).float() for part in parts])
        return logits.unflatten(0, candidates.shape[:2])

    def _count(self, rows: Tensor, success: Tensor) -> None:
        """Candidates are queried in their order, and the first success ends the attack."""
        broken = success.any(1)
        first = self.queries[rows] + 1 + success.float().argmax(1)
        self.needed[rows[broken]] = first[broken].to(self.needed.dtype)
        self.queries[rows] += success.shape[1]


class QueryAttack:
    """The base of these attacks: `search(box, images)` queries the box, returns its best images."""

    target: int | None = None

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return attacked_and_queries(self, model, images, labels)[0]


def queries_needed(attack: QueryAttack, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Queries until each image is broken: 0 where it was without any, inf for survivors."""
    return attacked_and_queries(attack, model, images, labels)[1]


def attacked_and_queries(
    attack: QueryAttack, model: nn.Module, images: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """The attacked images, and the queries that each of them needed, in one run."""
    with torch.no_grad(), eval_mode(model), autocast(images.device, "float32"):
        if not len(images):
            return images.clone(), images.new_zeros(0)
        box = BlackBox(model, images, labels, attack.target)
        attacked = attack.search(box, images)
        attacked[box.needed == 0] = images[box.needed == 0]  # nothing to do
        return attacked, box.needed
