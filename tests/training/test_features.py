"""Features are computed once per backbone and pixels; a probe is scikit-learn's, as a head."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from small import NAMES, small_split, small_splits

import utils.training.features as module
from utils.backbones.classifier import Classifier, build
from utils.data.split import Split
from utils.evaluation.inference import features, predict
from utils.training.features import (
    StageMeans,
    folded_probe,
    frozen_features,
    linear_probe,
    patient_means,
)

SPLITS = small_splits()


def network(seed: int = 0, classes: int = 3):
    return build("gru_rows", classes, 16, seed=seed)


@pytest.fixture
def computed(monkeypatch) -> list[int]:
    """How many images each computation has seen."""
    seen = []

    def counted(model, split):
        seen.append(len(split))
        return features(model, split)

    monkeypatch.setattr(module, "features", counted)
    return seen


def rows_of(split: Split, model=None) -> np.ndarray:
    return features(model or network(), split)


def test_features_are_those_of_the_network_and_computed_once(tmp_path, computed):
    model = network()
    first, again = (frozen_features(model, SPLITS.train, tmp_path) for _ in range(2))
    assert np.array_equal(first, features(model, SPLITS.train)) and np.array_equal(first, again)
    assert computed == [48]


def test_another_head_or_other_labels_change_no_feature(tmp_path, computed):
    train = SPLITS.train
    relabelled = replace(train, labels=train.labels.flip(0) % 2, class_names=("a", "b"))
    model, other = network(), network(classes=2)
    other.backbone.load_state_dict(model.backbone.state_dict())
    first = frozen_features(model, train, tmp_path)
    assert np.array_equal(first, frozen_features(other, relabelled, tmp_path))
    assert computed == [48]


@pytest.mark.parametrize("change", ["weights", "normalisation", "pixels", "size"])
def test_another_backbone_or_other_pixels_are_computed_anew(tmp_path, computed, change):
    frozen_features(network(), SPLITS.train, tmp_path)
    model, split, size = network(), SPLITS.train, 0
    if change == "weights":
        model = network(1)
    if change == "normalisation":
        model.mean += 0.1
    if change == "pixels":
        split = SPLITS.test
    if change == "size":
        split, size = split.resized(32), 16
    expected = features(model, split.resized(16))
    assert np.array_equal(frozen_features(model, split, tmp_path, size), expected)
    assert len(computed) == 2


def test_a_computation_that_was_stopped_leaves_nothing(tmp_path, monkeypatch):
    def stopped(model, split):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "features", stopped)
    with pytest.raises(KeyboardInterrupt):
        frozen_features(network(), SPLITS.train, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_damaged_file_is_named(tmp_path):
    frozen_features(network(), SPLITS.train, tmp_path)
    (file,) = tmp_path.glob("features_*.safetensors")
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"features_.*damaged.*delete"):
        frozen_features(network(), SPLITS.train, tmp_path)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_probe_answers_as_scikit_learn(classes):
    train = SPLITS.train.take(SPLITS.train.labels < classes)
    train = replace(train, class_names=NAMES[:classes])
    rows = rows_of(train)
    probe = linear_probe(rows, train, rows, train, strengths=(0.1,))
    theirs = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000)
    ).fit(rows, train.labels.numpy())
    expected = theirs.predict_proba(rows)
    assert probe.predict(rows, train).probabilities == pytest.approx(expected, abs=1e-4)


def test_the_probe_completes_the_classifier():
    model, test = network(), SPLITS.test
    rows = rows_of(SPLITS.train, model)
    probe = linear_probe(rows, SPLITS.train, rows_of(SPLITS.validation, model), SPLITS.validation)
    answers = probe.predict(rows_of(test, model), test)
    assert answers.accuracy > 0.8
    model.head = probe.head
    assert predict(model, test).probabilities == pytest.approx(answers.probabilities, abs=1e-5)


def test_validation_chooses_the_strength():
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(2, 48, 64)).astype(np.float32)  # nothing to learn
    train, validation = SPLITS.train, SPLITS.validation
    simple = linear_probe(noise[0], train, noise[1], validation, (1.0, 1e-4))
    assert simple.strength == 1e-4
    assert simple.validation_loss == pytest.approx(np.log(3), abs=0.05)
    learnt = linear_probe(rows_of(train), train, rows_of(validation), validation, (1e-6, 1.0))
    assert learnt.strength == 1.0


def test_a_class_without_a_training_image_is_never_predicted():
    train = SPLITS.train.take(SPLITS.train.labels != 1)
    probe = linear_probe(rows_of(train), train, rows_of(SPLITS.validation), SPLITS.validation, (1,))
    found = probe.predict(rows_of(SPLITS.test), SPLITS.test).probabilities
    assert found.shape == (48, 3) and found[:, 1].max() == 0
    assert np.isfinite(probe.validation_loss)


def test_a_probe_leaves_the_callers_randomness_alone():
    state, split = torch.get_rng_state(), small_split()
    linear_probe(rows_of(split), split, rows_of(split), split, (0.1,))
    assert torch.equal(state, torch.get_rng_state())


def test_stage_means_are_means_of_the_networks_maps_in_each_cell():
    network = build("resnet10_narrow", 2, 64).backbone.eval()
    images = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    cells = StageMeans(network, stages=(1, 2), cells=2)
    with torch.no_grad():
        found = cells(images)
        maps = network.forward_intermediates(images, intermediates_only=True)[1:3]
    parts = [each.unflatten(2, (2, -1)).unflatten(4, (2, -1)).mean((3, 5)) for each in maps]
    expected = torch.cat([part.flatten(1) for part in parts], 1)
    assert found.shape == (3, cells.num_features)
    assert torch.allclose(found, expected, atol=1e-5)


def test_other_cells_of_the_same_network_are_computed_anew(tmp_path):
    network, split = build("resnet10_narrow", 2, 64).backbone, small_split(4, size=64)
    for cells in (1, 2):
        means = StageMeans(network, cells=cells)
        model = Classifier(means, torch.nn.Linear(means.num_features, 2)).eval()
        assert frozen_features(model, split, tmp_path).shape == (4, means.num_features)


def test_patient_means_are_those_of_each_part_in_order():
    split = replace(small_split(6), groups=torch.tensor([5, 2, 5, 2, 5, 5]))
    rows, order = np.arange(12.0).reshape(6, 2), np.array([3, 0, 0, 1, 2, 1])
    means, patients = patient_means(rows, split)
    assert patients.patients.tolist() == [2, 5]
    assert np.array_equal(means, [rows[[1, 3]].mean(0), rows[[0, 2, 4, 5]].mean(0)])
    halves, _ = patient_means(rows, split, order, 2)
    upper = [rows[3], rows[[0, 4]].mean(0)]
    assert np.array_equal(halves, np.hstack([[rows[1], rows[[2, 5]].mean(0)], upper]))
    with pytest.raises(ValueError, match="too few for 3 parts"):
        patient_means(rows, split, order, 3)


def test_inner_folds_choose_the_strength_and_all_rows_are_learnt():
    split = small_split(60)
    noise = np.random.default_rng(0).normal(size=(60, 64)).astype(np.float32)
    assert folded_probe(noise, split, (1.0, 1e-4)).strength == 1e-4
    rows = rows_of(split)
    learnt = folded_probe(rows, split, (1e-6, 1.0))
    assert learnt.strength == 1.0
    whole = linear_probe(rows, split, rows, split, (1.0,))
    assert torch.equal(learnt.head.weight, whole.head.weight)
