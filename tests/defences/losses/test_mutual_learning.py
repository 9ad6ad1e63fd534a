"""Peers learn from each other by the formula: each passes once, and none pulls another."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import rel_entr
from small import Counted, small_network, small_split, small_splits
from torch import nn

from utils.data.split import to_float
from utils.defences.etf_head import DotRegression, head_on_features
from utils.defences.losses.adversarial_training import divergence
from utils.defences.losses.mutual_learning import MutualLoss, MutualPeers
from utils.evaluation.inference import predict
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load
from utils.training.losses import CrossEntropy

SPLIT = small_split(12)
IMAGES, LABELS = to_float(SPLIT.images), SPLIT.labels
COUNTS = pytest.mark.parametrize("count", [2, 3, 5])


def peers(count: int) -> MutualPeers:
    """In evaluation mode, where the same question gets the same answer."""
    return MutualPeers(*(small_network(seed) for seed in range(count))).eval()


@COUNTS
def test_the_loss_is_the_formula_written_out(count):
    said = [peer(IMAGES).detach().double().softmax(1).numpy() for peer in peers(count).members]
    expected = 0.0
    for i, p in enumerate(said):
        own = -np.log(p[range(12), LABELS]).mean()
        others = [rel_entr(q, p).sum(1).mean() for j, q in enumerate(said) if j != i]
        expected += own + sum(others) / (count - 1)
    assert MutualLoss()(peers(count), IMAGES, LABELS, 0).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weight", [0.25, 0.5])
def test_the_weight_is_that_of_what_the_others_say(weight):
    none, some, whole = (
        MutualLoss(weight=w)(peers(3), IMAGES, LABELS, 0) for w in (0.0, weight, 1.0)
    )
    assert torch.allclose(some, (1 - weight) * none + weight * whole) and none < whole


@COUNTS
def test_a_peer_is_moved_by_its_own_share_of_the_loss_alone(count):
    """The gradient of each peer is that of its L_i with all others taken as given."""
    group = peers(count)
    MutualLoss()(group, IMAGES, LABELS, 0).backward()
    said = [peer(IMAGES) for peer in group.members]
    for i, peer in enumerate(group.members):
        others = [answer for j, answer in enumerate(said) if j != i]
        own = F.cross_entropy(said[i], LABELS)
        given = own + sum(divergence(o.detach(), said[i]).mean() for o in others) / len(others)
        pulled = given + sum(divergence(said[i], o.detach()).mean() for o in others) / len(others)
        weights = list(peer.parameters())
        right, wrong = (torch.autograd.grad(v, weights, retain_graph=True) for v in (given, pulled))
        found = [weight.grad for weight in weights]
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(found, right, strict=True))
        assert not all(torch.allclose(a, b, atol=1e-4) for a, b in zip(found, wrong, strict=True))


def test_peers_that_agree_pay_only_their_own_loss():
    group = peers(2)
    group.members[1].load_state_dict(group.members[0].state_dict())
    own = CrossEntropy()(group, IMAGES, LABELS, 0)
    assert MutualLoss()(group, IMAGES, LABELS, 0).item() == pytest.approx(2 * own.item(), rel=1e-6)


@COUNTS
def test_each_peer_passes_once(count):
    group = MutualPeers(*(Counted(small_network(seed)) for seed in range(count)))
    MutualLoss()(group, IMAGES, LABELS, 0)
    assert [peer.seen for peer in group.members] == [len(IMAGES)] * count
    assert MutualLoss().passes(0) == 2


def test_the_first_peer_answers():
    group = peers(3)
    assert torch.equal(group(IMAGES), group.members[0](IMAGES))


def test_peers_must_differ_and_be_several():
    with pytest.raises(ValueError, match="two models or more, got 1"):
        MutualPeers(small_network())
    with pytest.raises(ValueError, match="a seed of its own"):
        MutualPeers(small_network(0), small_network(1), small_network(0))


def test_one_loop_trains_all_peers_and_brings_them_together(tmp_path):
    splits = small_splits()
    config = TrainConfig(epochs=30, learning_rate=0.01, batch_size=16, augment=False)
    together = peers(3)
    train_or_load(together, splits, config, tmp_path / "together", MutualLoss())
    alone = peers(3)
    for number, peer in enumerate(alone.members):
        train_or_load(peer, splits, config, tmp_path / str(number))
    for peer in together.members:
        assert predict(peer, splits.test).accuracy > 0.9
    assert distance(together) < 0.5 * distance(alone)


def distance(group: MutualPeers) -> float:
    """The mean divergence between the answers of any two."""
    with torch.no_grad():
        said = [peer(IMAGES) for peer in group.eval().members]
        return torch.stack([divergence(a, b).mean() for a in said for b in said]).mean().item()


@pytest.mark.parametrize("own", [CrossEntropy((1.0, 2.0, 0.5)), DotRegression(rectified=True)])
def test_any_loss_of_answers_can_be_the_own_one(own):
    heads = (head_on_features(16 * 16, 3, fixed=True, seed=seed) for seed in range(2))
    group = MutualPeers(*(nn.Sequential(nn.Flatten(), head) for head in heads))
    said = [peer(IMAGES) for peer in group.members]
    expected = sum(own.of(answer, LABELS) for answer in said)
    expected = expected + sum(divergence(*pair).mean() for pair in (said, said[::-1]))
    found = MutualLoss(own)(group, IMAGES, LABELS, 0)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    found.backward()
    assert all(weight.grad is not None for weight in group.parameters())
