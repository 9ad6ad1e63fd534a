"""Deep mutual learning: peers with different first weights learn from labels and each other."""

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor, nn

from utils.defences.losses.adversarial_training import divergence
from utils.training.losses import CrossEntropy, LogitLoss


class MutualPeers(nn.Module):
    """Any number of models that train side by side; the first one predicts.

    A prediction costs as much as without peers, and the gain is not that of an ensemble.
    """

    def __init__(self, *members: nn.Module):
        super().__init__()
        if len(members) < 2:
            raise ValueError(f"mutual learning needs two models or more, got {len(members)}")
        if any(_same_weights(one, other) for one, other in combinations(members, 2)):
            raise ValueError(
                "two peers start with the same weights and could learn nothing from each other; "
                "build each with a seed of its own"
            )
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Tensor:
        return self.members[0](images)


@dataclass(frozen=True)
class MutualLoss:
    """For each peer its own loss, and how far its predictions are from the others' (Zhang 2018).

    L_i = own_i + weight * mean over j of KL(p_j || p_i), where p_j is a constant: a peer moves
    towards the others and does not pull them. The gradient of dot regression at the logits is
    SCALE times smaller than that of cross-entropy; at weight 1 its peers would only agree.
    """

    own: LogitLoss = CrossEntropy()
    weight: float = 1.0  # of the divergence; 1 / SCALE beside dot regression

    def __call__(self, peers: MutualPeers, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        logits = [peer(images).float() for peer in (peers, *peers.members[1:])]
        own = sum(self.own.of(each, labels) for each in logits)
        apart = sum(_distance_from_others(logits, one) for one in range(len(logits)))
        return own + self.weight * apart

    def passes(self, epoch: int) -> int:
        """Those of each peer."""
        return self.own.passes(epoch)


def _distance_from_others(logits: list[Tensor], one: int) -> Tensor:
    """The mean divergence of one peer's predictions from those of each other peer."""
    others = [each.detach() for number, each in enumerate(logits) if number != one]
    return torch.stack([divergence(other, logits[one]).mean() for other in others]).mean()


def _same_weights(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=False)
    return all(a.shape == b.shape and torch.equal(a, b) for a, b in pairs)
