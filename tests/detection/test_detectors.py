"""Every detector on evidence made by hand: formulas, libraries, planted contamination."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cleanlab.filter import find_label_issues
from scipy.ndimage import median_filter
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
    GreyLevels,
    MedianFilter,
    OutOfFoldOutputs,
    Squeezed,
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
    """One network's statement, and the kind of each image. Those it knows are poisoned alike."""
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


def some_evidence(seed=0, **planted) -> OutOfFoldOutputs:
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


def shuffled(evidence: OutOfFoldOutputs, order: np.ndarray) -> OutOfFoldOutputs:
    """The same images in another order."""
    places = tuple(order.argsort()[each] for each in evidence.places)
    return replace(evidence, split=evidence.split.take(order), places=places)


@EVERY
def test_a_suspicion_is_a_number_for_each_image_in_its_place(name):
    evidence = some_evidence(wrong=10, poisoned=10)
    suspicion = DETECTORS[name](evidence)
    assert suspicion.shape == (len(evidence.split),) and np.isfinite(suspicion).all()
    order = np.random.default_rng(1).permutation(len(suspicion))
    assert np.allclose(DETECTORS[name](shuffled(evidence, order)), suspicion[order])
    assert np.allclose(DETECTORS[name](evidence), suspicion)  # nothing is left to chance


@EVERY
def test_the_truth_is_not_looked_at(name):
    evidence = some_evidence(wrong=10, poisoned=10)
    blind = replace(evidence, split=replace(evidence.split, changed=None))
    assert np.array_equal(DETECTORS[name](blind), DETECTORS[name](evidence))


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
    evidence = some_evidence(**planted)
    guilty = evidence.split.changed.numpy() == KINDS.index(kind)
    assert roc_auc_score(guilty, DETECTORS[name](evidence)) > 0.95
    assert roc_auc_score(guilty, DETECTORS[name](some_evidence())) == pytest.approx(0.5, abs=0.15)


def test_confident_learning_is_its_published_formula():
    """Each probability less the mean that its class has where it was given; then the margin."""
    evidence = some_evidence(wrong=15)
    said, labels = evidence.probabilities, evidence.split.labels.numpy()
    usual = np.array([said[labels == c, c].mean() for c in range(CLASSES)])
    level = said - usual + usual.max()
    level /= level.sum(1, keepdims=True)
    own = level[range(len(labels)), labels]
    level[range(len(labels)), labels] = -np.inf
    expected = 0.5 - (own - level.max(1)) / 2
    assert DETECTORS["confident learning"](evidence) == pytest.approx(expected, abs=1e-6)


def test_those_whom_cleanlab_would_remove_are_the_most_suspicious():
    evidence = some_evidence(wrong=15)
    removed = find_label_issues(evidence.split.labels.numpy(), evidence.probabilities, n_jobs=1)
    worst = DETECTORS["confident learning"](evidence).argsort()[-removed.sum() :]
    assert removed.sum() > 20 and removed[worst].mean() > 0.9


def test_a_class_that_nobody_has_does_not_stop_confident_learning():
    evidence = some_evidence(wrong=15)
    split = replace(evidence.split, labels=evidence.split.labels.clamp(max=1))
    assert np.isfinite(detectors.confident_learning(replace(evidence, split=split))).all()


def test_mahalanobis_is_that_of_scipy():
    statement = some_evidence().statements[0]
    labels, known = statement.known_labels, statement.known_features
    means = np.stack([known[labels == c].mean(0) for c in range(CLASSES)])
    inverse = np.linalg.inv(ledoit_wolf(known - means[labels], assume_centered=True)[0])
    for row, found in zip(statement.features, detectors._far_from_all(statement), strict=True):
        expected = min(mahalanobis(row, mean, inverse) for mean in means)
        assert found == pytest.approx(expected**2)


def test_the_spectral_direction_is_the_first_eigenvector_of_the_covariance():
    statement = some_evidence(poisoned=15).statements[0]
    known = statement.known_features[statement.known_labels == 0]
    direction = np.linalg.eigh(np.cov(known.T))[1][:, -1]
    expected = ((statement.features - known.mean(0)) @ direction) ** 2
    assert detectors._outlying(known, statement.features) == pytest.approx(expected)


def test_features_of_another_size_are_as_suspicious():
    """Networks do not share a scale, and each image is judged by one of them."""
    evidence = some_evidence(poisoned=15)
    first, second = evidence.statements
    larger = replace(
        second, features=50 * second.features, known_features=50 * second.known_features
    )
    rescaled = replace(evidence, statements=(first, larger))
    for name in ("spectral signature", "activation clustering", "Mahalanobis"):
        assert np.allclose(DETECTORS[name](rescaled), DETECTORS[name](evidence), rtol=1e-4), name


@pytest.mark.parametrize("name", ["spectral signature", "activation clustering"])
def test_in_a_class_of_a_few_nobody_is_odd(name):
    evidence = some_evidence()
    few = replace(evidence.statements[0], known_labels=np.r_[np.zeros(9, int), np.ones(441, int)])
    found = DETECTORS[name](replace(evidence, statements=(few, evidence.statements[1])))[::2]
    assert (found[few.labels != 1] == 0).all() and (found[few.labels == 1] != 0).all()


def test_feature_squeezing_is_the_largest_change_of_the_answer():
    evidence = some_evidence()
    said = np.array([[1.0, 0, 0], [0.5, 0.5, 0]])
    squeezed = np.array([[[0.0, 1, 0], [0.5, 0.5, 0]], [[0.9, 0.1, 0], [0.2, 0.5, 0.3]]])
    statement = replace(evidence.statements[0], probabilities=said, squeezed=squeezed)
    assert detectors._moved_by_squeezing(statement) == pytest.approx([2.0, 0.6])


def test_squeezers_against_scipy_and_counted_levels():
    pixels = torch.rand(2, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    expected = median_filter(pixels.numpy(), (1, 1, 3, 3), mode="mirror")
    assert np.allclose(MedianFilter()(pixels), expected)
    assert len(GreyLevels(2)(pixels).mul(1e4).round().unique()) == 4
    assert (GreyLevels(3)(pixels) - pixels).abs().max() <= 1 / 14 + 1e-6


@pytest.mark.parametrize("squeezer", [GreyLevels(), MedianFilter()], ids=repr)
def test_an_attacker_can_aim_through_a_squeezer(squeezer):
    pixels = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    squeezer(pixels).sum().backward()
    assert pixels.grad.sum() == pytest.approx(64, rel=0.01)
    through = Squeezed(torch.nn.Flatten(), squeezer)
    assert torch.equal(through(pixels), squeezer(pixels).flatten(1))


def test_the_table_compares_each_kind_with_the_clean_images_only():
    evidence = some_evidence(wrong=15, poisoned=15)
    table, split = detector_scores(evidence), evidence.split
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


def test_a_detective_sees_every_suspicion_and_the_traces():
    evidence = some_evidence()
    seen = image_features(evidence)
    assert len(seen) == len(evidence.split) and not seen.isna().any(axis=None)
    assert seen[list(DETECTORS)].equals(detector_scores(evidence))
    assert set(seen) - set(DETECTORS) == set(traces(evidence.split))


@pytest.mark.parametrize("window", [0, 2])
def test_a_window_without_a_middle_is_refused(window):
    with pytest.raises(ValueError, match="only if it is odd"):
        MedianFilter(window)
