"""Every detector on outputs made by hand: formulas, libraries, planted contamination."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import roc_auc_score

from utils.contamination.base import KINDS
from utils.data.split import Split
from utils.detection import detectors
from utils.detection.detectors import DETECTORS, auroc_by_kind, detector_scores, image_features
from utils.detection.noise_traces import traces
from utils.detection.out_of_fold import (
    FoldOutputs,
    OutOfFoldOutputs,
)
from utils.evaluation.roc import roc_scores

CLASSES, WIDTH = 3, 16
EVERY = pytest.mark.parametrize("name", DETECTORS)


def drawn(rng, count):
    labels = rng.integers(0, CLASSES, count)
    features = rng.normal(size=(count, WIDTH)) + 6 * np.eye(CLASSES, WIDTH)[labels]
    return labels, features


def answers(features, rng):
    logits = features[:, :CLASSES] + rng.normal(scale=0.3, size=(len(features), CLASSES))
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def given_by(rng, count=150, wrong=0, poisoned=0, strange=0) -> tuple[FoldOutputs, np.ndarray]:
    """One network's fold, and the kind of each image. Those it knows are poisoned alike."""
    known_labels, known = drawn(rng, 3 * count)
    labels, features = drawn(rng, count)
    kinds = np.zeros(count, int)
    for names, rows, share in ((known_labels, known, 3), (labels, features, 1)):
        bad = slice(wrong, wrong + share * poisoned)  # the target is class 0
        names[bad] = 0
        rows[bad] = rng.normal(size=(share * poisoned, WIDTH)) + 9 * np.eye(WIDTH)[5]
    kinds[wrong : wrong + poisoned] = 3
    kinds[poisoned + wrong : poisoned + wrong + strange] = 4
    features[kinds == 4] += 5 * np.sign(rng.normal(size=(strange, WIDTH)))
    probabilities = answers(features, rng)
    probabilities[kinds == 3] = [0.98, 0.01, 0.01]  # the trigger is obeyed
    labels[:wrong] = (labels[:wrong] + 1) % CLASSES
    kinds[:wrong] = 2
    squeezed = np.stack([answers(features, rng), answers(features, rng)])
    squeezed[:, kinds == 4] = np.roll(squeezed[:, kinds == 4], 1, axis=2)
    return FoldOutputs(labels, features, probabilities, squeezed, known_labels, known), kinds


def some_outputs(seed=0, **planted) -> OutOfFoldOutputs:
    """Two folds whose images take turns; the pictures are noise and say nothing."""
    rng = np.random.default_rng(seed)
    (even, first), (odd, second) = given_by(rng, **planted), given_by(rng, **planted)
    count = len(first) + len(second)
    labels, kinds = np.empty(count, int), np.empty(count, int)
    labels[::2], labels[1::2], kinds[::2], kinds[1::2] = even.labels, odd.labels, first, second
    images = torch.from_numpy(rng.integers(100, 140, (count, 1, 16, 16)).astype(np.uint8))
    split = Split(images, torch.from_numpy(labels), ("a", "b", "c"))
    split = replace(split, groups=torch.arange(count) // 3, changed=torch.from_numpy(kinds))
    places = np.arange(0, count, 2), np.arange(1, count, 2)
    return OutOfFoldOutputs(split, places, (even, odd))


def shuffled(outputs: OutOfFoldOutputs, order: np.ndarray) -> OutOfFoldOutputs:
    """The same images in another order."""
    places = tuple(order.argsort()[each] for each in outputs.places)
    return replace(outputs, split=outputs.split.take(order), places=places)


@EVERY
def test_a_score_is_a_number_for_each_image_in_its_place(name):
    outputs = some_outputs(wrong=10, poisoned=10)
    scores = DETECTORS[name].score(outputs)
    assert scores.shape == (len(outputs.split),) and np.isfinite(scores).all()
    order = np.random.default_rng(1).permutation(len(scores))
    assert np.allclose(DETECTORS[name].score(shuffled(outputs, order)), scores[order])
    assert np.allclose(DETECTORS[name].score(outputs), scores)  # nothing is left to chance


@EVERY
def test_the_truth_is_not_looked_at(name):
    outputs = some_outputs(wrong=10, poisoned=10)
    blind = replace(outputs, split=replace(outputs.split, changed=None))
    assert np.array_equal(DETECTORS[name].score(blind), DETECTORS[name].score(outputs))


FINDS = {
    "confident learning": ("label error", {"wrong": 15}),
    "spectral signature": ("poison", {"poisoned": 15}),
    "activation clustering": ("poison", {"poisoned": 15}),
    "feature squeezing": ("adversarial", {"strange": 15}),
    "Mahalanobis": ("adversarial", {"strange": 15}),
}


@pytest.mark.parametrize("name", FINDS)
def test_finds_what_was_planted_and_nothing_where_nothing_was(name):
    kind, planted = FINDS[name]
    outputs = some_outputs(**planted)
    positive = outputs.split.changed.numpy() == KINDS.index(kind)
    assert roc_auc_score(positive, DETECTORS[name].score(outputs)) > 0.95
    assert roc_auc_score(positive, DETECTORS[name].score(some_outputs())) == pytest.approx(
        0.5, abs=0.15
    )


def test_confident_learning_is_that_of_cleanlab():
    rank = pytest.importorskip("cleanlab.rank")
    outputs = some_outputs(wrong=15)
    quality = rank.get_label_quality_scores(
        outputs.split.labels.numpy(),
        outputs.probabilities,
        method="normalized_margin",
        adjust_pred_probs=True,
    )
    assert DETECTORS["confident learning"].score(outputs) == pytest.approx(1 - quality, abs=1e-12)


def test_images_that_cleanlab_would_remove_are_the_most_suspicious():
    cleanlab = pytest.importorskip("cleanlab.filter")
    outputs = some_outputs(wrong=15)
    labels = outputs.split.labels.numpy()
    removed = cleanlab.find_label_issues(labels, outputs.probabilities, n_jobs=1)
    worst = DETECTORS["confident learning"].score(outputs).argsort()[-removed.sum() :]
    assert removed.sum() > 20 and removed[worst].mean() > 0.9


def test_a_class_without_images_does_not_stop_confident_learning():
    outputs = some_outputs(wrong=15)
    split = replace(outputs.split, labels=outputs.split.labels.clamp(max=1))
    assert np.isfinite(DETECTORS["confident learning"].score(replace(outputs, split=split))).all()


def test_mahalanobis_is_that_of_scipy():
    fold = some_outputs().folds[0]
    labels, known = fold.known_labels, fold.known_features
    means = np.stack([known[labels == c].mean(0) for c in range(CLASSES)])
    inverse = np.linalg.inv(ledoit_wolf(known - means[labels], assume_centered=True)[0])
    for row, found in zip(fold.features, detectors._distance_from_classes(fold), strict=True):
        expected = min(mahalanobis(row, mean, inverse) for mean in means)
        assert found == pytest.approx(expected**2)


def test_the_spectral_direction_is_the_first_eigenvector_of_the_covariance():
    fold = some_outputs(poisoned=15).folds[0]
    known = fold.known_features[fold.known_labels == 0]
    direction = np.linalg.eigh(np.cov(known.T))[1][:, -1]
    expected = ((fold.features - known.mean(0)) @ direction) ** 2
    assert detectors._outlyingness(known, fold.features) == pytest.approx(expected)


def test_features_of_another_size_are_as_suspicious():
    """Networks do not share a scale, and each image is judged by one of them."""
    outputs = some_outputs(poisoned=15)
    first, second = outputs.folds
    larger = replace(
        second, features=50 * second.features, known_features=50 * second.known_features
    )
    rescaled = replace(outputs, folds=(first, larger))
    for name in ("spectral signature", "activation clustering", "Mahalanobis"):
        assert np.allclose(
            DETECTORS[name].score(rescaled), DETECTORS[name].score(outputs), rtol=1e-4
        ), name


@pytest.mark.parametrize("name", ["spectral signature", "activation clustering"])
def test_in_a_class_of_few_images_none_is_suspicious(name):
    outputs = some_outputs()
    few = replace(outputs.folds[0], known_labels=np.r_[np.zeros(9, int), np.ones(441, int)])
    found = DETECTORS[name].score(replace(outputs, folds=(few, outputs.folds[1])))[::2]
    assert (found[few.labels != 1] == 0).all() and (found[few.labels == 1] != 0).all()


def test_feature_squeezing_is_the_largest_change_of_the_answer():
    outputs = some_outputs()
    said = np.array([[1.0, 0, 0], [0.5, 0.5, 0]])
    squeezed = np.array([[[0.0, 1, 0], [0.5, 0.5, 0]], [[0.9, 0.1, 0], [0.2, 0.5, 0.3]]])
    fold = replace(outputs.folds[0], probabilities=said, squeezed=squeezed)
    assert detectors._change_by_squeezing(fold) == pytest.approx([2.0, 0.6])


def test_the_table_compares_each_kind_with_the_clean_images_only():
    outputs = some_outputs(wrong=15, poisoned=15)
    table, split = detector_scores(outputs), outputs.split
    assert list(table.columns) == list(DETECTORS)
    found = auroc_by_kind(table, split)
    assert set(found["kind"]) == {"label error", "poison"} and len(found) == 2 * 2 * len(table.T)
    either = (split.changed != 3).numpy()
    expected = roc_scores(
        table["confident learning"][either], split.changed[either] == 2, split.groups[either]
    )
    row = found.query("kind == 'label error' and detector == 'confident learning'")
    assert np.allclose(row[["value", "low", "high"]], expected)
    assert auroc_by_kind(table, replace(split, changed=None)).empty


def test_features_are_every_score_and_the_traces():
    outputs = some_outputs()
    seen = image_features(outputs)
    assert len(seen) == len(outputs.split) and not seen.isna().any(axis=None)
    assert seen[list(DETECTORS)].equals(detector_scores(outputs))
    assert set(seen) - set(DETECTORS) == set(traces(outputs.split))


def test_an_unknown_detector_is_refused_with_those_there_are():
    outputs = some_outputs()
    with pytest.raises(ValueError, match="unknown detector 'luck'; choose from confident learning"):
        detector_scores(outputs, ["luck"])
    assert list(detector_scores(outputs, ["Mahalanobis"])) == ["Mahalanobis"]
