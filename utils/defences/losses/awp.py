"""Training-time defence: learn at the worst weights nearby, so that the minimum is flat (AWP)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from utils.defences.losses.adversarial_training import PairLoss

TINY = 1e-12  # a weight without a gradient does not move


@dataclass(frozen=True)
class AwpLoss:
    """Another loss, at weights moved against it: adversarial weight perturbation (Wu 2020).

    After the attack every weight of more than one dimension moves uphill by `size` times its own
    length. The loss is taken there, on the same attacked images, and its gradient applied to the
    weights as they were: they never move themselves, so that the training loop needs not know.
    """

    loss: PairLoss
    size: float = 0.005
    start: int = 0  # epochs without it: far from any minimum it only disturbs

    def __post_init__(self):
        if not isinstance(self.loss, PairLoss):
            raise TypeError(f"needs a loss of clean and attacked images, got {self.loss!r}")
        if self.size < 0 or self.start < 0:
            raise ValueError(f"needs size >= 0 and start >= 0, got {self!r}")

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        attacked = self.loss.attacked(model, images, labels, epoch)
        if epoch >= self.start:
            moved = self.worst_weights(model, images, attacked, labels)
            model = WithTensors(model, moved)
        return self.loss.of_pair(model, images, attacked, labels)

    def worst_weights(
        self, model: nn.Module, images: Tensor, attacked: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        """The moved weights by name, each the weight itself plus a constant."""
        # Batch norm counts the images once, in the pass that follows: here it writes into copies.
        copies = {name: buffer.clone() for name, buffer in model.named_buffers()}
        weights = {
            name: weight
            for name, weight in model.named_parameters()
            if weight.requires_grad and weight.dim() > 1
        }
        value = self.loss.of_pair(WithTensors(model, copies), images, attacked, labels)
        slopes = torch.autograd.grad(value, list(weights.values()), allow_unused=True)
        return {
            name: weight + self.size * weight.detach().norm() / (slope.norm() + TINY) * slope
            for (name, weight), slope in zip(weights.items(), slopes, strict=True)
            if slope is not None
        }

    def passes(self, epoch: int) -> int:
        extra = self.loss.pair_passes if epoch >= self.start else 0
        return self.loss.passes(epoch) + extra


class WithTensors(nn.Module):
    """A model that computes with other tensors in place of some of its weights and buffers."""

    def __init__(self, model: nn.Module, tensors: dict[str, Tensor]):
        super().__init__()
        self.model, self.tensors = model, tensors

    def forward(self, images: Tensor) -> Tensor:
        return torch.func.functional_call(self.model, self.tensors, (images,))
