"""Detectors of fakes: what they learn from, their limit, and what they flag."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import small_classifier, small_split

from utils.contamination.composites import Mixture, Splice
from utils.data.split import Split
from utils.detection.fake_detector import (
    PROCESSING,
    FakeDetector,
    denoised,
    fakes_by_family,
    real_or_fake,
    train_fake_detector,
)
from utils.training.config import TrainConfig

FAMILIES = {"mixture": Mixture(), "splice": Splice()}


def test_the_other_question_is_whether_an_image_is_real():
    real = small_split(12)
    fakes = replace(real, images=real.images + 1)
    both = real_or_fake(real, fakes, fakes)
    assert both.labels.tolist() == [0] * 12 + [1] * 24 and both.class_names == ("real", "fake")
    assert (both.patients == np.tile(real.patients, 3)).all()


@pytest.mark.parametrize("name", PROCESSING)
def test_processing_changes_an_image_and_not_what_it_shows(name):
    split = small_split(6, 32)
    for images in (split.images, split.with_depth(16).images, split.images.expand(-1, 3, -1, -1)):
        after = PROCESSING[name](images)
        assert after.shape == images.shape and after.dtype == images.dtype
        moved = (after.float() - images.float()).abs().mean() / images.float().mean()
        assert 0 < moved < 0.15


def test_denoising_removes_noise():
    flat = torch.full((2, 1, 32, 32), 120.0)
    noisy = (flat + 5 * torch.randn(flat.shape)).byte()
    assert (denoised(noisy).float() - flat).std() < 0.5 * (noisy.float() - flat).std()


def test_every_image_is_there_untouched_processed_and_as_a_fake_of_each_family():
    real = small_split(48)
    found = fakes_by_family(real, FAMILIES, seed=3)
    assert list(found.real) == ["untouched", *PROCESSING] and list(found.fakes) == [*FAMILIES]
    both = found.as_two_classes
    assert both.labels.tolist() == [0] * 4 * 48 + [1] * 2 * 48
    assert list(found.without("splice").fakes) == ["mixture"]
    other = fakes_by_family(real, FAMILIES, seed=4)
    assert not torch.equal(found.fakes["splice"].images, other.fakes["splice"].images)
    with pytest.raises(ValueError, match="unknown family 'gan'; choose from mixture, splice"):
        found.without("gan")


def test_the_limit_flags_one_percent_of_held_out_real_images_processed_or_not(tmp_path):
    known, held = (fakes_by_family(small_split(60, seed=s), FAMILIES) for s in (0, 1))
    network = small_classifier(classes=2)
    config = TrainConfig(2, 32, 3e-3, augment=False)
    detector = train_fake_detector(network, known, held, config, tmp_path)
    flagged = np.concatenate([detector.flags(split) for split in held.real.values()])
    assert flagged.mean() == pytest.approx(0.01, abs=0.006)


class Brightness(torch.nn.Module):
    def forward(self, images):
        mean = images.mean((1, 2, 3))
        return torch.stack([torch.zeros_like(mean), mean], 1)


def test_an_image_is_flagged_above_the_limit():
    images = torch.tensor([10, 100, 200], dtype=torch.uint8).view(3, 1, 1, 1).expand(-1, 1, 8, 8)
    split = Split(images.contiguous(), torch.zeros(3, dtype=torch.long), ("a", "b"))
    detector = FakeDetector(Brightness(), limit=0.5)
    assert detector.flags(split).tolist() == [False, False, True]
    assert detector.score(split) == pytest.approx([10 / 255, 100 / 255, 200 / 255])
