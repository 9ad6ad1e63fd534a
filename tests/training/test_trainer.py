"""One epoch: what its row says is what happened, and each option reaches the weights."""

from copy import deepcopy
from dataclasses import dataclass

import pytest
import torch
from small import small_classifier, small_network, small_split, small_splits, weights_of

from utils.attacks.pgd import PGD
from utils.data.split import Splits
from utils.defences.losses.adversarial_training import (
    AdversarialLoss,
    PairLoss,
    TradesLoss,
    fast_adversarial,
)
from utils.defences.losses.awp import AwpLoss
from utils.defences.losses.mart import MartLoss
from utils.defences.losses.mutual_learning import MutualLoss, MutualPeers
from utils.defences.smoothing import NoiseLoss
from utils.evaluation.inference import BATCH, predict
from utils.training.config import TrainConfig
from utils.training.losses import CrossEntropy, ValidationScore
from utils.training.trainer import CPU_BATCH, Trainer, augment

SCORE = ValidationScore()
SETTINGS = {"epochs": 4, "batch_size": 16, "learning_rate": 0.02, "augment": False}


def trainer(model=None, loss=CrossEntropy(), splits=None, **settings) -> Trainer:
    config = TrainConfig(**{**SETTINGS, **settings})
    return Trainer(model or small_network(), splits or small_splits(), config, loss, SCORE)


LOSSES = [
    CrossEntropy(), AdversarialLoss(PGD(1e-6, steps=1)), fast_adversarial(1e-6), TradesLoss(1e-6),
    MutualLoss(), MartLoss(PGD(1e-6, 1)), AwpLoss(AdversarialLoss(PGD(1e-6, 1)), 1e-7),
    NoiseLoss(1e-7),
]  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_the_training_accuracy_is_that_of_the_images_in_training_mode(loss):
    """One batch, without dropout: the answer before the only step can be computed beside it."""
    model = MutualPeers(*(small_network(n) for n in range(2)))
    for peer in model.members:
        peer[3].p = 0.0
    images = small_splits().train
    doubled = isinstance(loss, PairLoss | AwpLoss) and getattr(loss, "weight", 0) != 1
    answer = predict_in_training_mode(deepcopy(model), images, copies=1 + doubled)
    found = trainer(model, loss, batch_size=48, precision="float32").epoch(0)
    assert found["train_accuracy"] == pytest.approx((answer == images.labels).float().mean().item())


def predict_in_training_mode(model, split, copies):
    model.train()
    with torch.no_grad():
        answer = model(torch.cat([split.images / 255] * copies))
    return answer[: len(split)].argmax(1)


def test_a_loss_that_never_calls_the_model_is_refused():
    @dataclass
    class Elsewhere:
        def __call__(self, model, images, labels, epoch):
            return model[6](torch.zeros(1, 32)).sum()

    with pytest.raises(TypeError, match="Elsewhere.* never called the model itself"):
        trainer(loss=Elsewhere()).epoch(0)


def test_one_image_left_over_counts_nowhere():
    splits = small_splits()
    splits = Splits(small_split(49), splits.validation, splits.test)
    one, seen = trainer(splits=splits, epochs=1), []
    whole = one._set_rates

    def counted(epoch, step):
        seen.append(step)
        whole(epoch, step)

    one._set_rates = counted
    row = one.epoch(0)
    assert seen == [0, 1, 2] and (48 * row["train_accuracy"]) % 1 == pytest.approx(0, abs=1e-4)
    assert row["learning_rate"] == pytest.approx(0.02 * 0.25)  # a cosine after two thirds


@pytest.mark.parametrize("schedule, expected", [("constant", 0.02), ("step", 0.02)])
def test_the_rate_is_that_of_the_schedule(schedule, expected):
    assert trainer(schedule=schedule).epoch(0)["learning_rate"] == expected


def test_the_head_has_its_own_rate_at_every_step():
    one = trainer(small_classifier(), head_rate=5.0)
    one.epoch(0)
    others, heads = one.optimizer.param_groups
    assert heads["lr"] == pytest.approx(5 * others["lr"]) and others["lr"] < 0.02


def test_head_first_leaves_the_backbone_alone_and_then_moves_it():
    model = small_classifier()
    one = trainer(model, head_epochs=1)
    backbone, head = weights_of(model.backbone), weights_of(model.head)
    one.epoch(0)
    assert torch.equal(weights_of(model.backbone), backbone)  # statistics of batch norm as well
    assert not torch.equal(weights_of(model.head), head)
    one.epoch(1)
    assert not torch.equal(weights_of(model.backbone), backbone)


def test_a_head_is_needed_before_anything_is_trained():
    with pytest.raises(ValueError, match="no head is known"):
        trainer(small_network(), head_epochs=1)


def test_averaged_weights_are_evaluated_and_kept():
    one = trainer(ema=0.9, precision="float32")
    row = one.epoch(0)
    assert one.chosen is not one.model
    assert not torch.equal(weights_of(one.chosen), weights_of(one.model))
    found = predict(one.chosen, small_splits().validation)
    assert row["validation_accuracy"] == found.accuracy
    assert row["score"] == ValidationScore()(one.chosen, small_splits().validation, found)["score"]
    assert row["averaged"] and not trainer().epoch(0)["averaged"]


def test_augmentation_keeps_range_and_moves_the_image():
    images = torch.rand(64, 3, 16, 16)
    changed = augment(images)
    assert changed.shape == images.shape and changed.min() >= 0 and changed.max() <= 1
    assert ((changed - images).abs().mean((1, 2, 3)) > 0.01).all()
    flat = torch.full((4, 1, 16, 16), 0.5)
    assert torch.allclose(augment(flat), flat)  # nothing bleeds in from outside


def test_validation_in_batches_for_a_cpu_gives_the_bits_of_larger_ones():
    model, split = small_classifier(), small_split(2 * BATCH + 5)
    small, large = (predict(model, split, batch_size=size) for size in (CPU_BATCH, BATCH))
    assert CPU_BATCH < BATCH and (small.probabilities == large.probabilities).all()
