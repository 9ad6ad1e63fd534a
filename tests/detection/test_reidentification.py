"""Patients recognised by a network, against patients whose mark the pixels hide."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small import small_split
from torch import nn

from utils.data.duplicates import small_grey
from utils.data.split import Split, to_float
from utils.detection import reidentification
from utils.detection.reidentification import (
    PAIRS,
    Embedding,
    PatientContrast,
    pair_distances,
    patient_pairs,
    recall_at,
    train_reidentifier,
)
from utils.training.config import TrainConfig

QUICK = TrainConfig(epochs=20, batch_size=60, learning_rate=1e-2)


def visits(patients: int, seed: int, each: int = 3, size: int = 16) -> Split:
    """A fine pattern of each patient below a coarse shade that differs from visit to visit."""
    generator = torch.Generator().manual_seed(seed)
    fine = torch.rand(patients, 1, 5, 5, generator=generator).repeat_interleave(each, 0)
    coarse = torch.rand(patients * each, 1, 2, 2, generator=generator)
    fine, coarse = (
        F.interpolate(part, size=(size, size), mode="bicubic") for part in (fine, coarse)
    )
    images = (40 + 50 * fine + 150 * coarse).clamp(0, 255).to(torch.uint8)
    groups = torch.arange(patients).repeat_interleave(each)
    return Split(images, torch.zeros_like(groups), ("one",), groups)


def small_embedding(name: str, width: int, size: int, seed: int = 0) -> nn.Module:
    """In place of a ResNet: it learns in a second."""
    torch.manual_seed(seed)
    layers = nn.Conv2d(1, 16, 5, padding=2), nn.BatchNorm2d(16), nn.ReLU(), nn.AvgPool2d(2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * (size // 2) ** 2, width))


@pytest.fixture(scope="module")
def learned():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reidentification, "build", small_embedding)
        patch.setattr(reidentification, "MOTION", 0.02)
        return train_reidentifier(visits(120, 0), visits(40, 1), QUICK, rate=0.01)


def test_patients_are_found_where_pixels_are_blind(learned):
    new = visits(40, 2)
    by_pixels = recall_at(0.01, *pair_distances(small_grey(new.images), new.patients))[0]
    apart, same = pair_distances(learned.points(new), new.patients)
    found = (apart < learned.limit)[same].mean()
    assert found > 0.5 > 0.2 > by_pixels
    assert (apart < learned.limit)[~same].mean() < 0.03  # the limit holds for other patients
    assert abs(found - learned.recall) < 0.25 and learned.held_out_pairs == 40 * 3


def test_pairs_name_images_of_one_patient_first(learned):
    new = visits(40, 3)
    pairs = learned.pairs(new)
    assert (pairs["image"] < pairs["other"]).all() and not pairs[
        ["image", "other"]
    ].duplicated().any()
    assert pairs["distance"].is_monotonic_increasing and pairs["distance"].max() < learned.limit
    right = new.patients[pairs["image"]] == new.patients[pairs["other"]]
    assert right[:20].all() and right.mean() > 0.5


def test_exposure_does_not_move_a_point(learned):
    images = to_float(visits(4, 4).images)
    with torch.no_grad():
        points = learned.network(images)
        darker = learned.network(0.6 * images + 0.1)
    assert torch.allclose(points.norm(dim=1), torch.ones(len(points)), atol=1e-5)
    assert torch.allclose(points, darker, atol=1e-4)


class Mean(nn.Module):
    """A point on a circle for each image, by its mean."""

    def forward(self, images):
        angle = 2 * math.pi * images.mean((1, 2, 3))
        return torch.stack([angle.cos(), angle.sin()], 1)


def test_other_pairs_of_a_patient_are_no_wrong_answers(monkeypatch):
    monkeypatch.setattr(reidentification, "_moved", lambda images: images)
    images = torch.tensor([0.0, 0.0, 0.5, 0.5]).view(4, 1, 1, 1, 1).expand(4, 2, 1, 4, 4)
    loss = PatientContrast(temperature=0.5)
    with_names = loss(Mean(), images, torch.tensor([0, 0, 1, 1]), 0)
    without = loss(Mean(), images, torch.arange(4), 0)
    # The other patient lies opposite, at a cosine of -1; a second pair of one's own at 1.
    likely, unlikely = math.exp(2), math.exp(-2)
    assert with_names == pytest.approx(-2 * math.log(likely / (likely + 2 * unlikely)), abs=1e-5)
    assert without == pytest.approx(-2 * math.log(likely / (2 * likely + 2 * unlikely)), abs=1e-5)


def test_pairs_are_of_one_patient_and_none_counts_for_all():
    groups = torch.tensor([0] * 10 + [1] * 3 + [2] + [3] * 2)
    pairs = patient_pairs(Split(torch.zeros(16, 1, 8, 8).byte(), 0 * groups, ("one",), groups))
    assert (groups[pairs[:, 0]] == groups[pairs[:, 1]]).all() and (pairs[:, 0] < pairs[:, 1]).all()
    assert torch.bincount(groups[pairs[:, 0]]).tolist() == [PAIRS, 3, 0, 1]
    assert len(pairs.unique(dim=0)) == len(pairs)


def test_recall_counts_pairs_below_the_limit_that_false_pairs_allow():
    same = np.arange(1010) < 10
    apart = np.concatenate([np.linspace(0.1, 1.0, 10), np.linspace(0.5, 5, 1000)])
    assert recall_at(0, apart, same) == (0.4, 0.5)
    found, limit = recall_at(0.01, apart, same)
    assert (apart[~same] < limit).sum() == 10 and found == 0.5
    with pytest.raises(ValueError, match="no patient has two images"):
        recall_at(0.1, apart, np.zeros(1010, bool))


def test_patients_with_one_image_teach_nothing():
    with pytest.raises(ValueError, match="several images to learn from, got 3 images of 3"):
        train_reidentifier(small_split(6).take([0, 2, 4]), visits(3, 0))


def test_an_embedding_takes_grey_images_of_any_contrast():
    flat = torch.full((2, 1, 32, 32), 0.5)
    network = Embedding(nn.Sequential(nn.Flatten(), nn.Linear(1024, 4)))
    assert network(flat).isfinite().all()
