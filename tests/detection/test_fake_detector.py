"""Detectors of fakes: spectra in closed form, and generators that leave traces."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small import small_split

from utils.data.split import Split
from utils.detection.fake_detector import SpectralDetector, real_or_fake, spectra
from utils.evaluation.roc import auroc


@pytest.mark.parametrize("frequency", [1, 3, 7])
@pytest.mark.parametrize("down", [True, False])
def test_a_wave_has_its_power_at_its_frequency(frequency, down):
    place = torch.arange(16).repeat(16, 1)
    wave = 127 + 100 * torch.sin(2 * torch.pi * frequency * (place.T if down else place) / 16)
    split = Split(wave.byte()[None, None], torch.tensor([0]), ("a",))
    assert spectra(split).shape == (1, 8)
    assert spectra(split)[0].argmax() == frequency - 1


def test_brightness_is_no_trace():
    split = small_split(6)
    darker = replace(split, images=split.images - 20)
    assert np.allclose(spectra(split), spectra(darker), atol=1e-3)


def enlarged(split):
    """Images as a generator draws them that enlarges small maps."""
    small = F.avg_pool2d(split.images.float(), 2)
    return replace(split, images=F.interpolate(small, scale_factor=2).byte())


def test_enlarged_images_are_found_by_their_spectrum_alone():
    known, asked, other = (small_split(48, seed=seed) for seed in range(3))
    detector = SpectralDetector().fit(real_or_fake(known, enlarged(known)))
    case = real_or_fake(asked, enlarged(asked))
    found = auroc(detector.score(case), case.labels.numpy() == 1, np.ones((1, 96)))
    assert found[0] > 0.95
    neither = real_or_fake(asked, other)
    assert (
        0.3 < auroc(detector.score(neither), neither.labels.numpy() == 1, np.ones((1, 96)))[0] < 0.7
    )


def test_the_other_question_is_whether_an_image_is_real():
    real = small_split(12)
    both = real_or_fake(real, enlarged(real), enlarged(real))
    assert both.labels.tolist() == [0] * 12 + [1] * 24 and both.class_names == ("real", "fake")
    assert (both.patients == np.tile(real.patients, 3)).all()
