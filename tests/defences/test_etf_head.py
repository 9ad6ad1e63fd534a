"""The fixed head is a frame; its loss is what the formulas say, zero at the goal, fair to all."""

import pytest
import torch
import torch.nn.functional as F
from small import small_split

from utils.backbones.classifier import Classifier, build
from utils.data.split import Splits
from utils.defences.etf_head import (
    SCALE,
    DotRegression,
    ETFHead,
    head_on_features,
    rect_lengths,
    simplex_etf,
)
from utils.evaluation.inference import predict
from utils.training.checkpoints import identity
from utils.training.config import TrainConfig
from utils.training.loop import train_or_load
from utils.training.losses import ValidationScore

CLASSES = [2, 3, 4, 11]
LOSSES = [DotRegression(), DotRegression(rectified=True)]
BATCHES = {  # images per class
    "balanced": [4, 4, 4],
    "rare": [20, 3, 1],
    "absent": [7, 0, 2],
    "one class": [0, 5, 0],
    "ten findings": [16, 10, 8, 7, 6, 5, 4, 3, 2, 1, 0],
}


def under_fixed_head(model: Classifier, seed: int) -> Classifier:
    return Classifier(model.backbone, ETFHead(model.head.in_features, 3, seed))


def labels_of(counts: list[int]) -> torch.Tensor:
    return torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))


def features(count: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def head_of(classes: int, seed: int = 0) -> ETFHead:
    """A new head for 16 numbers in evaluation mode: it has seen nothing that it could centre."""
    return ETFHead(16, classes, seed).eval()


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("more", [0, 1, 117])
def test_directions_are_unit_and_equally_far_apart(classes, more):
    directions = simplex_etf(classes + more, classes)
    cosines = directions.T @ directions
    expected = torch.full((classes, classes), -1 / (classes - 1)).fill_diagonal_(1.0)
    assert torch.allclose(cosines, expected, atol=1e-5)
    assert directions.sum(1).abs().max() < 1e-5  # they balance each other


def test_the_seed_turns_the_frame():
    assert torch.equal(simplex_etf(8, 3, seed=1), simplex_etf(8, 3, seed=1))
    assert not torch.allclose(simplex_etf(8, 3, seed=1), simplex_etf(8, 3, seed=2))


@pytest.mark.parametrize("classes, width", [(1, 8), (11, 8)])
def test_a_frame_needs_two_classes_and_room_for_them(classes, width):
    with pytest.raises(ValueError, match=f"features of 8 numbers .* not {classes}"):
        simplex_etf(width, classes)


@pytest.mark.parametrize("classes", CLASSES)
def test_the_head_names_the_direction_with_the_smallest_angle_however_long_the_feature(classes):
    head, seen = head_of(classes), features(50, 16)
    angles = torch.acos(F.cosine_similarity(seen[:, :, None], head.directions[None], dim=1))
    assert torch.equal(head(seen).argmax(1), angles.argmin(1))
    assert torch.allclose(head(seen), head(7 * seen), atol=1e-4)
    assert head(seen).abs().max() <= SCALE + 1e-4


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("counts", BATCHES.values(), ids=BATCHES)
def test_features_on_their_direction_cost_nothing(counts, loss):
    head, labels = head_of(len(counts)), labels_of(counts)
    assert loss.of(head(3 * head.directions.T[labels]), labels).item() < 1e-10


@pytest.mark.parametrize("counts", BATCHES.values(), ids=BATCHES)
def test_every_class_in_the_batch_weighs_the_same_under_rect(counts):
    labels, lengths = labels_of(counts), rect_lengths(labels_of(counts), len(counts))
    of_class = torch.bincount(labels, weights=lengths[labels] ** 2, minlength=len(counts))
    present = torch.tensor(counts) > 0
    fair = len(labels) / present.sum()
    assert torch.allclose(of_class[present], fair.expand(int(present.sum())))
    assert (lengths[~present] == 1).all()
    rarest_first = lengths[present][torch.tensor(counts)[present].argsort()]
    assert torch.equal(rarest_first, rarest_first.sort(descending=True).values)


@pytest.mark.parametrize("counts", BATCHES.values(), ids=BATCHES)
def test_rect_is_the_mean_over_the_classes_of_their_own_means(counts):
    """So it is the loss with class weights, counted anew in each batch."""
    labels = labels_of(counts)
    logits = head_of(len(counts))(features(len(labels), 16))
    own = [DotRegression().of(logits[labels == c], labels[labels == c]) for c in labels.unique()]
    found = DotRegression(rectified=True).of(logits, labels)
    assert torch.allclose(found, torch.stack(own).mean(), rtol=1e-5)


def test_rect_changes_nothing_where_the_classes_are_balanced():
    labels, said = labels_of([4, 4, 4]), head_of(3)(features(12, 16))
    plain, rectified = (loss.of(said, labels) for loss in LOSSES)
    assert torch.allclose(plain, rectified)


@pytest.mark.parametrize("counts", BATCHES.values(), ids=BATCHES)
def test_the_loss_is_the_formula_of_the_paper_written_out(counts):
    """0.5 * (h' r_c m_c - |r_c m_c| |h|)^2 / |h|, for unit h; gamma / n_c under the root."""
    head, labels = head_of(len(counts)), labels_of(counts)
    unit = F.normalize(features(len(labels), 16), dim=1)
    gamma = len(labels) / sum(count > 0 for count in counts)
    total = 0.0
    for h, c in zip(unit, labels, strict=True):
        target = (gamma / counts[c]) ** 0.5 * head.directions[:, c]
        total += 0.5 * (h @ target - target.norm() * h.norm()) ** 2 / h.norm()
    found = DotRegression(rectified=True).of(head(unit), labels)
    assert found.item() == pytest.approx(total.item() / len(labels), rel=1e-4)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_the_head_is_in_the_gradient_of_the_features(loss):
    """r^2 (cos - 1) (m - cos h) / |h|: another frame pulls elsewhere, and none pulls nowhere."""
    labels = labels_of([20, 3, 1])
    seen = features(24, 16).requires_grad_()
    pulls = []
    for seed in (0, 1):
        head = head_of(3, seed)
        (gradient,) = torch.autograd.grad(24 * loss.of(head(seen), labels), seen)
        with torch.no_grad():
            length, target = seen.norm(dim=1, keepdim=True), head.directions.T[labels]
            unit = seen / length
            cosine = (unit * target).sum(1, keepdim=True)
            weight = rect_lengths(labels, 3)[labels, None] ** 2 if loss.rectified else 1.0
            expected = weight * (cosine - 1) * (target - cosine * unit) / length
        assert torch.allclose(gradient, expected, atol=1e-5) and gradient.norm(dim=1).min() > 1e-3
        pulls.append(gradient)
    assert not torch.allclose(*pulls, atol=1e-2)


def test_the_backbone_learns_towards_directions_that_stay(tmp_path):
    model = under_fixed_head(build("gru_rows", 3, 16), seed=4)
    before = model.head.directions.clone()
    assert "head.directions" not in dict(model.named_parameters())
    splits = Splits(*(small_split(96, seed=seed) for seed in range(3)))
    config = TrainConfig(epochs=8, learning_rate=1e-2, augment=False)
    history = train_or_load(model, splits, config, tmp_path, DotRegression(rectified=True))
    assert history[-1]["train_loss"] < 0.2 * history[0]["train_loss"]
    assert torch.equal(model.head.directions, before)
    assert predict(model, splits.test).accuracy > 0.95


@pytest.mark.parametrize("classes", CLASSES)
def test_features_that_are_never_negative_can_still_reach_their_direction(classes):
    """As ReLU leaves them: without centring even the best of them would stay far away."""
    head, labels = ETFHead(64, classes), torch.arange(classes).repeat(8)
    targets = head.directions.T[labels]
    positive = 100 * (targets - targets.amin(0))
    with torch.no_grad():
        head.centre.weight.copy_(targets.std(0))  # what training finds
    assert DotRegression().of(head(positive), labels).item() < 1e-6
    best = SCALE * F.normalize(targets.relu(), dim=1) @ head.directions
    assert DotRegression().of(best, labels).item() > 0.02


def test_both_heads_on_features_share_their_neck_and_their_batch_norm():
    learned, fixed = (head_on_features(10, 3, fixed, 16, seed=4) for fixed in (False, True))
    rows = features(9, 10)
    assert torch.equal(learned[0](rows), fixed[0](rows)) and not fixed.training
    inputs = features(9, 16)
    assert torch.equal(learned[1][0](inputs), fixed[1].centre(inputs))
    assert learned(rows).shape == fixed(rows).shape == (9, 3)
    assert torch.equal(fixed[1].directions, simplex_etf(16, 3, seed=4))
    assert not torch.equal(head_on_features(10, 3, False, 16, seed=5)(rows), learned(rows))


def test_a_checkpoint_tells_the_losses_and_the_frames_apart():
    plain = build("gru_rows", 3, 16)
    splits = Splits(*(small_split(6, seed=seed) for seed in range(3)))
    asked = [
        identity(under_fixed_head(plain, seed), splits, TrainConfig(), loss, ValidationScore())
        for seed in (0, 1)
        for loss in LOSSES
    ]
    assert all(one != other for one in asked for other in asked if one is not other)


def test_a_head_that_is_not_fixed_is_refused():
    model, split = build("resnet10_narrow", 3, 32), small_split(size=32)
    with pytest.raises(TypeError, match="needs a model with an ETFHead"):
        DotRegression()(model, split.images / 255, split.labels, 0)
