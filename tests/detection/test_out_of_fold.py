"""Outputs of networks for images of patients that they did not train on."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from small import small_split, small_splits, trained_network
from torch import nn

from utils.attacks.pgd import PGD
from utils.backbones.classifier import Classifier
from utils.contamination.backdoor import Patch, Poison
from utils.contamination.base import KINDS, contaminate
from utils.contamination.label_noise import Symmetric
from utils.data.split import Split, Splits
from utils.detection.detectors import DETECTORS, auroc_by_kind, detector_scores
from utils.detection.out_of_fold import (
    SQUEEZERS,
    cross_val_outputs,
    fold_outputs,
    outputs_of_features,
    with_squeezers,
)
from utils.evaluation.inference import predict
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load

CONFIG = TrainConfig(epochs=6, batch_size=16, learning_rate=0.01, augment=False)


def small_classifier(seed: int = 0) -> Classifier:
    """A convolution under a head: all that a detector asks for."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        backbone = nn.Sequential(
            nn.Conv2d(3, 12, 3, stride=2, padding=1),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )
        return Classifier(backbone, nn.Linear(48, 3)).eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("folds")


def spoiled() -> tuple[Splits, Split]:
    truth = small_split(240)
    wrong, _ = contaminate(truth, Symmetric(rate=0.1), Poison(Patch(0.3), target=0, rate=0.1))
    return Splits(wrong, small_split(48, seed=1), small_split(48, seed=2)), truth


@pytest.fixture(scope="module")
def outputs(folder):
    return cross_val_outputs(small_classifier(), spoiled()[0], CONFIG, folder, folds=3)


def test_each_image_is_predicted_once_by_a_network_that_did_not_learn_from_its_patient(outputs):
    split, places = outputs.split, outputs.places
    assert sorted(np.concatenate(places)) == list(range(len(split)))
    patients = [set(split.groups[rows].tolist()) for rows in places]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 120
    for rows, fold in zip(places, outputs.folds, strict=True):
        assert (fold.labels == split.labels[rows].numpy()).all()
        assert len(fold.known_labels) == len(split) - len(rows)
        assert fold.squeezed.shape == (2, len(rows), 3)
    assert np.allclose(outputs.probabilities.sum(1), 1)


def test_no_network_learns_from_the_patients_that_it_predicts(tmp_path, monkeypatch):
    """Taken from the training itself, not from what the outputs record."""
    training, split = [], spoiled()[0].train
    monkeypatch.setattr(
        "utils.detection.out_of_fold.train_or_load",
        lambda _, splits, *rest: training.append(splits.train),
    )
    outputs = cross_val_outputs(small_classifier(), spoiled()[0], CONFIG, tmp_path, folds=3)
    for rows, learned in zip(outputs.places, training, strict=True):
        assert not set(split.groups[rows].tolist()) & set(learned.groups.tolist())
        assert len(learned) == len(split) - len(rows)


def test_networks_are_kept_and_the_first_one_is_not_touched(outputs, folder, monkeypatch):
    model, before = small_classifier(), small_classifier().state_dict()
    monkeypatch.setattr("utils.training.trainer.Trainer._pass", None)  # nothing is trained again
    again = cross_val_outputs(model, spoiled()[0], CONFIG, folder, folds=3)
    assert np.array_equal(again.probabilities, outputs.probabilities)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("folds", [1, 1000])
def test_a_number_of_folds_that_cannot_be_is_refused(folder, folds):
    with pytest.raises(ValueError, match="2 to"):
        cross_val_outputs(small_classifier(), spoiled()[0], CONFIG, folder, folds)


def test_planted_errors_and_triggers_are_found_out_of_fold(outputs):
    found = auroc_by_kind(detector_scores(outputs), outputs.split).query("score == 'AUROC'")
    value = found.set_index(["kind", "detector"])["value"].unstack()
    assert value.loc["label error", "confident learning"] > 0.95
    assert value.loc["poison", "spectral signature"] > 0.95
    assert value.loc["poison", "activation clustering"] > 0.95
    assert value.loc["label error", "noise level"] < 0.65


def test_one_network_predicts_other_images(folder):
    splits, model = small_splits(), small_classifier()
    train_or_load(model, splits, CONFIG, folder)
    outputs, expected = fold_outputs(model, splits.train, splits.test), predict(model, splits.test)
    assert expected.accuracy > 0.8
    assert np.allclose(outputs.probabilities, expected.probabilities, atol=1e-5)
    features = torch.from_numpy(outputs.features)
    assert np.allclose(model.head(features).softmax(1).detach(), expected.probabilities, atol=1e-5)


def test_an_attack_on_the_model_with_its_squeezers_moves_all_their_predictions():
    network, split = trained_network(), small_split(12)
    images, labels = split.images / 255, split.labels
    attacked = PGD(0.2, steps=10)(with_squeezers(network), images, labels)
    for squeezer in SQUEEZERS:
        right = network(squeezer(images)).argmax(1) == labels
        still_right = network(squeezer(attacked)).argmax(1) == labels
        assert still_right.sum() < right.sum()


def test_features_alone_are_enough_for_detectors_of_poison():
    split = spoiled()[0].train
    rows = split.images.flatten(1).float().numpy()[:, ::8]
    outputs = outputs_of_features(rows, split)
    poisoned = split.changed.numpy() == KINDS.index("poison")
    for name in ("spectral signature", "activation clustering"):
        scores = DETECTORS[name].score(outputs)
        assert scores.shape == (len(split),) and np.isfinite(scores).all()
    assert roc_auc_score(poisoned, scores) > 0.6
