"""Weight perturbation: the gradient is taken at worse weights, and no weight moves."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from small import small_network, small_split, small_splits, trained_network, weights_of

from utils.attacks.pgd import PGD
from utils.data.split import to_float
from utils.defences.losses.adversarial_training import AdversarialLoss, TradesLoss, fast_adversarial
from utils.defences.losses.awp import AwpLoss, WithTensors
from utils.defences.losses.mart import MartLoss
from utils.evaluation.inference import predict
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load
from utils.training.losses import CrossEntropy, ValidationScore

SPLIT = small_split(24)
IMAGES, LABELS = to_float(SPLIT.images), SPLIT.labels
STEADY = PGD(0.05, 3, random_start=False)
INNER = [
    AdversarialLoss(STEADY),
    AdversarialLoss(STEADY, 1.0),
    TradesLoss(0.05, 3),
    MartLoss(STEADY),
]
EVERY = pytest.mark.parametrize("inner", INNER, ids=repr)


def network():
    """In training mode, without dropout: two passes over the same images are the same."""
    model = trained_network().train()
    model[3].p = 0.0
    return model


def gradient_of(loss, model):
    torch.manual_seed(0)
    return torch.autograd.grad(loss(model, IMAGES, LABELS, 0), list(model.parameters()))


@EVERY
def test_the_gradient_is_that_at_the_moved_weights(inner):
    """By hand: attack, one step uphill of each matrix by its length, the gradient there."""
    loss, model = AwpLoss(inner, size=0.02), network()
    torch.manual_seed(0)
    attacked = inner.attacked(model, IMAGES, LABELS, 0)
    copy = deepcopy(model)
    uphill = torch.autograd.grad(
        inner.of_pair(copy, IMAGES, attacked, LABELS), list(copy.parameters())
    )
    with torch.no_grad():
        for weight, slope in zip(copy.parameters(), uphill, strict=True):
            if weight.dim() > 1:
                weight += 0.02 * weight.norm() / slope.norm() * slope
    there = inner.of_pair(copy, IMAGES, attacked, LABELS)
    expected = torch.autograd.grad(there, list(copy.parameters()))
    for ours, by_hand in zip(gradient_of(loss, model), expected, strict=True):
        assert torch.allclose(ours, by_hand, rtol=1e-3, atol=1e-5)


@EVERY
def test_the_loss_is_higher_at_the_moved_weights(inner):
    model = network().eval()
    torch.manual_seed(0)
    attacked = inner.attacked(model, IMAGES, LABELS, 0)
    moved = AwpLoss(inner, size=0.02).worst_weights(model, IMAGES, attacked, LABELS)
    here = inner.of_pair(model, IMAGES, attacked, LABELS)
    assert inner.of_pair(WithTensors(model, moved), IMAGES, attacked, LABELS) > here + 1e-4
    for name, weight in model.named_parameters():
        if weight.dim() > 1:
            length = (moved[name] - weight).norm() / weight.norm()
            assert length.item() == pytest.approx(0.02, rel=1e-3)
        assert (name in moved) == (weight.dim() > 1)


@EVERY
@pytest.mark.parametrize("off", [{"size": 0.0}, {"start": 1}], ids=str)
def test_without_a_move_it_is_the_loss_itself(inner, off):
    models = network(), network()
    pairs = zip(*map(gradient_of, (inner, AwpLoss(inner, **off)), models), strict=True)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in pairs)
    assert torch.allclose(*map(weights_of, models), atol=1e-6)  # batch norm, too


@EVERY
def test_no_weight_moves_and_batch_norm_counts_each_image_once(inner):
    model, plain = network(), network()
    before = [weight.clone() for weight in model.parameters()]
    gradient_of(AwpLoss(inner), model), gradient_of(inner, plain)
    assert all(map(torch.equal, before, model.parameters()))
    assert model[1].num_batches_tracked == plain[1].num_batches_tracked
    assert not any(weight.grad is not None for weight in model.parameters())


def test_a_frozen_part_stays_where_it_is():
    model = network()
    model[0].weight.requires_grad_(False)
    moved = AwpLoss(INNER[0]).worst_weights(model, IMAGES, IMAGES, LABELS)
    assert set(moved) == {"6.weight"}


@pytest.mark.parametrize("wrong", [CrossEntropy(), "trades"], ids=str)
def test_it_needs_a_loss_of_attacked_images(wrong):
    with pytest.raises(TypeError, match="clean and attacked images"):
        AwpLoss(wrong)
    with pytest.raises(ValueError, match="size >= 0"):
        AwpLoss(INNER[0], size=-1.0)


TRAINED = [*INNER[::2], MartLoss(STEADY), fast_adversarial(0.05), AwpLoss(INNER[2], start=1)]


@pytest.mark.parametrize("loss", TRAINED, ids=repr)
def test_every_adversarial_loss_trains_in_the_one_loop_with_averaged_weights(loss, tmp_path):
    config = TrainConfig(
        epochs=4, batch_size=16, learning_rate=0.02, augment=False, ema=0.9, precision="float32"
    )
    splits, score = small_splits(), ValidationScore(PGD(0.03, 3))
    averaged, plain = small_network(), small_network()
    history = train_or_load(averaged, splits, config, tmp_path / "averaged", loss, score)
    train_or_load(plain, splits, replace(config, ema=0.0), tmp_path / "plain", loss, score)
    assert all(row["averaged"] for row in history)
    assert not torch.equal(weights_of(averaged), weights_of(plain))
    best = max(history, key=lambda row: row["score"])
    found = ValidationScore(PGD(0.03, 3))(averaged, splits.validation, None)["score"]
    assert found == best["score"] > 0.5  # what is kept is the average that was scored
    assert predict(averaged, splits.test).accuracy > 0.6
