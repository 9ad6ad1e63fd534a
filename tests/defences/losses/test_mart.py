"""MART is the formula of its paper, also where probabilities come close to 1."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from small import small_split, trained_network

from utils.attacks.pgd import PGD
from utils.data.split import to_float
from utils.defences.losses.mart import MartLoss, against_runner_up
from utils.training.losses import CrossEntropy

SPLIT = small_split(12)
IMAGES, LABELS = to_float(SPLIT.images), SPLIT.labels
MART = MartLoss(PGD(0.1, 3, random_start=False))


def of_the_authors(logits_adv, logits, y, beta):
    """The loss of github.com/YisenWang/MART, written down from its paper and code."""
    adv_probs = F.softmax(logits_adv, 1)
    tmp1 = torch.argsort(adv_probs, dim=1)[:, -2:]
    new_y = torch.where(tmp1[:, -1] == y, tmp1[:, -2], tmp1[:, -1])
    loss_adv = F.cross_entropy(logits_adv, y) + F.nll_loss(torch.log(1.0001 - adv_probs), new_y)
    nat_probs = F.softmax(logits, 1)
    true_probs = nat_probs.gather(1, y[:, None]).squeeze()
    kl = F.kl_div(adv_probs.log(), nat_probs, reduction="none").sum(1)
    return loss_adv + beta * (kl * (1.0000001 - true_probs)).mean()


def test_it_is_the_loss_of_the_authors():
    model = trained_network()
    attacked = MART.attacked(model, IMAGES, LABELS, 0)
    expected = of_the_authors(model(attacked), model(IMAGES), LABELS, MART.beta)
    found = MART(model, IMAGES, LABELS, 0)
    assert found.item() == pytest.approx(expected.item(), rel=1e-3)
    weights = list(model.parameters())
    ours, theirs = (torch.autograd.grad(loss, weights) for loss in (found, expected))
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-2, atol=1e-3 * other.abs().max().item())


def test_the_term_against_the_runner_up_by_hand_and_without_rounding():
    p = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]])
    found = against_runner_up(p.log(), torch.tensor([0, 0]))
    assert torch.allclose(found, -torch.tensor([0.7, 0.2]).log())
    sure = torch.tensor([[0.0, 60.0, 1.0]], requires_grad=True)  # 1 - p is 0 in float32
    value = against_runner_up(sure, torch.tensor([0]))
    assert value.item() == pytest.approx(59 - math.log(1 + math.exp(-1)), rel=1e-4)
    assert torch.autograd.grad(value, sure)[0].isfinite().all()


def test_with_two_classes_the_runner_up_is_the_other_class():
    logits, labels = torch.randn(5, 2), torch.tensor([0, 1, 0, 1, 1])
    expected = F.cross_entropy(logits, labels, reduction="none")
    assert torch.allclose(against_runner_up(logits, labels), expected, atol=1e-6)


def test_images_of_which_the_model_is_sure_are_hardly_pulled():
    """The same move of the prediction weighs 1 - p of the label on the clean image."""
    model = trained_network()
    attacked = MART.attacked(model, IMAGES, LABELS, 0)
    without = replace(MART, beta=0).of_pair(model, IMAGES, attacked, LABELS)
    pull = MART.of_pair(model, IMAGES, attacked, LABELS) - without
    p, q = model(IMAGES).softmax(1), model(attacked).softmax(1)
    unsure = 1 - p[range(12), LABELS]
    expected = MART.beta * (unsure * (p * (p / q).log()).sum(1)).mean()
    assert pull.item() == pytest.approx(expected.item(), rel=1e-3)


def test_its_own_loss_can_weigh_classes():
    model, own = trained_network(), CrossEntropy((1.0, 2.0, 0.5))
    gain = replace(MART, own=own)(model, IMAGES, LABELS, 0) - MART(model, IMAGES, LABELS, 0)
    logits = model(MART.attacked(model, IMAGES, LABELS, 0))
    expected = own.of(logits, LABELS) - CrossEntropy().of(logits, LABELS)
    assert gain.item() == pytest.approx(expected.item(), abs=1e-5)
