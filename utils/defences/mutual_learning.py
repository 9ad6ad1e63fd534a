"""Deep mutual learning: peers that start differently learn from the labels and from each other."""

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor, nn

from utils.defences.adversarial_training import divergence
from utils.defences.etf_head import DotRegression
from utils.training.losses import CrossEntropy


class MutualPeers(nn.Module):
    """Any number of models that are trained side by side; the first one answers.

    So a question costs as much as without peers, and what they gain is not that of an ensemble.
    """

    def __init__(self, *members: nn.Module):
        super().__init__()
        if len(members) < 2:
            raise ValueError(f"learning from each other takes two or more, got {len(members)}")
        if any(_alike(one, other) for one, other in combinations(members, 2)):
            raise ValueError(
                "two peers start with the same weights and would have nothing to tell each other; "
                "build each with a seed of its own"
            )
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Tensor:
        return self.members[0](images)


@dataclass(frozen=True)
class MutualLoss:
    """For each peer its own loss, and how far its answers are from the others' (Zhang 2018).

    L_i = own_i + weight * mean over j of KL(p_j || p_i), where p_j is taken as given: a peer
    moves towards the others and does not pull them. Dot regression pulls SCALE times less at
    the logits than cross-entropy does; under the weight 1 its peers would only agree.
    """

    own: CrossEntropy | DotRegression = CrossEntropy()
    weight: float = 1.0  # of what the others say; 1 / SCALE beside dot regression

    def __call__(self, peers: MutualPeers, images: Tensor, labels: Tensor, epoch: int) -> Tensor:
        said = [peer(images).float() for peer in peers.members]
        own = sum(self.own.of(answer, labels) for answer in said)
        apart = sum(_distance_from_others(said, one) for one in range(len(said)))
        return own + self.weight * apart

    def passes(self, epoch: int) -> int:
        """Forward and backward passes per training image, of each peer."""
        return self.own.passes(epoch)


def _distance_from_others(said: list[Tensor], one: int) -> Tensor:
    """The mean divergence of the answers of one peer from those of each other."""
    others = [answer.detach() for j, answer in enumerate(said) if j != one]
    return torch.stack([divergence(other, said[one]).mean() for other in others]).mean()


def _alike(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=False)
    return all(a.shape == b.shape and torch.equal(a, b) for a, b in pairs)
