"""The loss of several findings, and a training that beats prevalence."""

import pytest
import torch
import torch.nn.functional as F
from small import findings_network, findings_split, small_network

from utils.attacks.pgd import PGD
from utils.data.split import Splits, to_float
from utils.defences.losses.adversarial_training import AdversarialLoss, TradesLoss
from utils.defences.losses.mart import MartLoss
from utils.evaluation.findings.scores import mean_auc
from utils.evaluation.inference import predict
from utils.training.config import TrainConfig
from utils.training.finding_losses import FindingsCrossEntropy, positive_weights
from utils.training.loop import train_or_load
from utils.training.losses import CrossEntropy, ValidationScore, passes_of

MODEL, SPLIT = findings_network(), findings_split(40, seed=4)
CONFIG = TrainConfig(4, batch_size=16, learning_rate=0.02, augment=False, precision="float32")


def test_the_loss_is_that_of_torch_with_its_weights():
    images, labels = to_float(SPLIT.images), SPLIT.labels
    logits, weights = MODEL(images), (1.0, 3.0, 0.5)
    expected = F.binary_cross_entropy_with_logits(
        logits, labels.float(), pos_weight=torch.tensor(weights)
    )
    assert torch.equal(FindingsCrossEntropy(weights)(MODEL, images, labels, 0), expected)
    assert torch.equal(FindingsCrossEntropy(weights).of(logits, labels), expected)
    assert passes_of(FindingsCrossEntropy(), 3) == 6


def test_weights_let_images_with_a_finding_count_as_much_as_those_without():
    some = SPLIT.take(SPLIT.labels[:, 0] + SPLIT.labels[:, 1] < 2)
    present = some.counts.double()
    assert torch.allclose(
        torch.tensor(positive_weights(some)).double() * present, len(some) - present
    )
    half = torch.tensor(positive_weights(some, 0.5)).double()
    assert torch.allclose(half**2, torch.tensor(positive_weights(some)).double())


@pytest.mark.parametrize(
    ("loss", "labels", "message"),
    [
        (CrossEntropy(), SPLIT.labels, "got 3 findings; train with loss=FindingsCrossEntropy"),
        (FindingsCrossEntropy(), SPLIT.labels[:, 0], "got one label per image; train with"),
    ],
)
def test_the_loss_of_the_other_kind_of_labels_is_refused(loss, labels, message):
    with pytest.raises(ValueError, match=message):
        loss(MODEL, to_float(SPLIT.images), labels, 0)


@pytest.mark.parametrize(
    "loss",
    [
        FindingsCrossEntropy(),
        FindingsCrossEntropy((2.0, 1.0, 1.0)),
        AdversarialLoss(PGD(0.01, 2), own=FindingsCrossEntropy()),
    ],
    ids=repr,
)
def test_a_training_beats_prevalence_and_keeps_its_best_epoch(loss, tmp_path):
    splits = Splits(*(findings_split(96, seed=seed) for seed in range(3)))
    network = small_network()
    history = train_or_load(network, splits, CONFIG, tmp_path, loss)
    found = predict(network, splits.test)
    assert mean_auc(found) > 0.8  # a constant answer has 0.5
    best = max(row["score"] for row in history)
    assert best == pytest.approx(mean_auc(predict(network, splits.validation)))
    assert all(0 <= row["train_accuracy"] <= 1 for row in history)


def test_the_score_of_an_epoch_is_the_mean_area_clean_or_attacked():
    clean = predict(MODEL, SPLIT)
    attack = PGD(0.1, 3)
    assert ValidationScore()(MODEL, SPLIT, clean)["score"] == mean_auc(clean)
    attacked = ValidationScore(attack)(MODEL, SPLIT, clean)["score"]
    assert attacked == mean_auc(predict(MODEL, SPLIT, attack)) < mean_auc(clean)


@pytest.mark.parametrize("kind", [TradesLoss, MartLoss])
def test_defences_that_compare_classes_say_what_to_take_instead(kind):
    settings = {"attack": PGD(0.1, 2)} if kind is MartLoss else {"epsilon": 0.1, "steps": 2}
    loss = kind(**settings, own=FindingsCrossEntropy())
    with pytest.raises(ValueError, match="one label per image, got 3 findings; choose Adversarial"):
        loss(MODEL, to_float(SPLIT.images), SPLIT.labels, 0)
