"""What training makes small where an image may have several findings: one question for each."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from utils.data.split import Split


@dataclass(frozen=True)
class FindingsCrossEntropy:
    """The mean over findings of how wrong each yes or no is: one sigmoid for each finding.

    With `positive_weights`, an image that has a finding counts so many times for it.
    """

    positive_weights: tuple[float, ...] | None = None

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        return self.of(model(images).float(), labels)

    def of(self, logits: Tensor, labels: Tensor) -> Tensor:
        if labels.dim() != 2:
            raise ValueError(
                f"{type(self).__name__} needs a column of 0 and 1 for each finding, got one label "
                "per image; train with loss=CrossEntropy()"
            )
        weights = self.positive_weights and logits.new_tensor(self.positive_weights)
        return F.binary_cross_entropy_with_logits(logits, labels.to(logits), pos_weight=weights)

    def passes(self, epoch: int) -> int:
        return 2


def positive_weights(split: Split, exponent: float = 1.0) -> tuple[float, ...]:
    """Weights with which the images that have a finding count as much as those without it.

    So the network predicts it at even odds where it is as likely as not to be one of equally many
    of both, however rare it is. An exponent of 0.5 goes half of the way.
    """
    present = split.counts.double()
    rest = len(split) - present
    return tuple(((rest.clamp_min(1) / present.clamp_min(1)) ** exponent).tolist())
