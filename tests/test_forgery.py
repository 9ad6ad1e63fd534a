"""Detectors of fakes: spectra in closed form, and generators that leave traces."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small import small_split

from utils.contamination.kinds import KINDS
from utils.defences.forgery import real_or_fake, spectra, spectral_detector
from utils.metrics import area
from utils.splits import Split


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


def enlarged(split, guilty):
    """Some images as a generator would draw them that enlarges small maps."""
    images = split.images.clone()
    small = F.avg_pool2d(images[guilty].float(), 2)
    images[guilty] = F.interpolate(small, scale_factor=2).byte()
    return replace(split, images=images, changed=KINDS.index("fake") * guilty.long())


def test_enlarged_images_are_told_from_others_by_their_spectrum_alone():
    guilty = torch.arange(48) % 4 < 2
    detector = spectral_detector(enlarged(small_split(48, seed=0), guilty))
    asked = enlarged(small_split(48, seed=1), guilty)
    found = area(detector(asked), guilty.numpy(), np.ones((1, 48)))
    assert found[0] > 0.95
    nobody = area(detector(small_split(48, seed=2)), guilty.numpy(), np.ones((1, 48)))
    assert 0.2 < nobody[0] < 0.8


def test_the_other_question_is_whether_an_image_is_real():
    guilty = torch.arange(12) % 3 == 0
    split = real_or_fake(enlarged(small_split(12), guilty))
    assert torch.equal(split.labels, guilty.long()) and split.class_names == ("real", "fake")
