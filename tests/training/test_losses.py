"""Losses cost what they say, and scores choose the epoch that they promise."""

import pytest
import torch
import torch.nn.functional as F
from small import small_split, trained_network

from utils.attacks.pgd import PGD, fgsm
from utils.attacks.random_order import FixedRowOrder, ShuffledRows
from utils.data.split import to_float
from utils.defences.etf_head import DotRegression
from utils.defences.losses.adversarial_training import AdversarialLoss, TradesLoss
from utils.defences.losses.mutual_learning import MutualLoss, MutualPeers
from utils.evaluation.inference import predict
from utils.training.losses import (
    ChangedImages,
    CleanScore,
    CrossEntropy,
    ValidationScore,
    balancing_weights,
    epochs_within,
    passes_of,
)

MODEL, SPLIT = trained_network(), small_split(60, seed=4)
LOSSES = [
    CrossEntropy(), DotRegression(), MutualLoss(), TradesLoss(steps=3),
    AdversarialLoss(PGD(0.1, steps=3), grow=2), ChangedImages(ShuffledRows()),
]  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("epochs", [1, 5])
def test_a_budget_buys_the_epochs_that_it_pays_for(loss, epochs):
    budget = passes_of(loss, epochs)
    assert epochs_within(loss, budget) == epochs
    assert epochs_within(loss, budget - 1) == epochs - 1


def test_cross_entropy_is_that_of_torch_with_its_weights():
    images, labels = to_float(SPLIT.images), SPLIT.labels
    weights = (1.0, 2.0, 0.5)
    expected = F.cross_entropy(MODEL(images), labels, torch.tensor(weights))
    assert torch.equal(CrossEntropy(weights)(MODEL, images, labels, 0), expected)
    assert torch.equal(CrossEntropy(weights).of(MODEL(images), labels), expected)


def test_a_loss_on_changed_images_is_that_of_the_changed_images():
    images, labels = to_float(SPLIT.images), SPLIT.labels
    change, own = FixedRowOrder(), CrossEntropy((1.0, 2.0, 0.5))
    found = ChangedImages(change, own)(MODEL, images, labels, 0)
    assert torch.equal(found, own(MODEL, change(MODEL, images, labels), labels, 0))
    assert found != own(MODEL, images, labels, 0)


def test_balancing_weights_give_every_class_the_same_weight():
    split = small_split().take(range(7))
    share = torch.tensor(balancing_weights(split)) * split.counts
    assert torch.allclose(share, share[0]) and share.sum() == pytest.approx(len(split))


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_balancing_weights_follow_a_power_of_the_images(exponent):
    split = small_split().take([0, 1, 3, 4, 6, 9, 12, 15, 18])  # 7 of class 0, 2 of class 1
    weights = balancing_weights(split, exponent)
    assert weights[1] / weights[0] == pytest.approx((7 / 2) ** exponent)
    assert (torch.tensor(weights) * split.counts).sum() == pytest.approx(len(split))


def test_smoothed_labels_are_those_of_the_closed_form():
    logits, labels = torch.randn(6, 3), torch.arange(6) % 3
    found = CrossEntropy(label_smoothing=0.3).of(logits, labels)
    wanted = 0.7 * F.one_hot(labels, 3) + 0.1
    assert torch.allclose(found, -(wanted * logits.log_softmax(1)).sum(1).mean())
    certain = 100 * F.one_hot(labels, 3).float()
    assert CrossEntropy().of(certain, labels) < 1e-6 < CrossEntropy(None, 0.3).of(certain, labels)


@pytest.mark.parametrize(
    "loss", [MutualLoss, lambda own: AdversarialLoss(PGD(0.1, 2, random_start=False), own=own)]
)
def test_smoothing_reaches_the_losses_that_contain_another(loss):
    peers = MutualPeers(MODEL, trained_network(1)).eval()
    images, labels = to_float(SPLIT.images), SPLIT.labels
    plain, smoothed = (loss(CrossEntropy(None, amount)) for amount in (0.0, 0.3))
    values = [each(peers, images, labels, 0).item() for each in (plain, smoothed)]
    assert values[0] != pytest.approx(values[1], rel=1e-3)


def test_the_score_is_balanced_accuracy_with_one_row_per_attack():
    clean, attack, step = predict(MODEL, SPLIT), PGD(0.1, steps=4), fgsm(0.1)
    plain = ValidationScore()(MODEL, SPLIT, clean)
    assert plain == {"score": pytest.approx(clean.accuracy)}  # classes of one size
    robust = ValidationScore(attack, step)(MODEL, SPLIT, clean)
    assert robust["score"] == pytest.approx(predict(MODEL, SPLIT, attack).accuracy)
    assert robust["one_step"] == pytest.approx(predict(MODEL, SPLIT, step).accuracy)
    watched = CleanScore(attack, step)(MODEL, SPLIT, clean)
    assert watched == {**robust, "attacked": robust["score"], "score": plain["score"]}
