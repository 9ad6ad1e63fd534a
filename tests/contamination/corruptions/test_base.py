"""A corruption is a noise whose level follows from its modality and severity."""

import pytest
import torch

from utils.contamination.corruptions.base import signs, uniform
from utils.contamination.corruptions.common import Defocus
from utils.contamination.corruptions.film import QuantumNoise
from utils.contamination.corruptions.levels import LEVELS

PIXELS = torch.zeros(400, 1, 2, 2)


def test_its_level_is_the_calibrated_one_and_a_strength_takes_its_place():
    assert Defocus(4).level == LEVELS["xray"]["Defocus"][3]
    assert Defocus(4, modality="mri").level == LEVELS["mri"]["Defocus"][3]
    assert Defocus(4, strength=0.25).level == 0.25


def test_it_changes_all_images_unless_another_rate_is_given():
    assert Defocus().rate == 1 and Defocus(rate=0.2).rate == 0.2


def test_a_family_is_refused_where_it_cannot_occur():
    with pytest.raises(ValueError, match="not calibrated for 'mri'; choose from xray"):
        QuantumNoise(3, modality="mri")


def test_random_numbers_differ_by_image_and_repeat_by_seed():
    first, again = (uniform(PIXELS, 2, 5, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first, again) and first.shape == (400, 1, 1, 1)
    assert 2 <= first.min() < 2.1 and 4.9 < first.max() <= 5
    drawn = signs(PIXELS, torch.Generator().manual_seed(7))
    assert set(drawn.unique().tolist()) == {-1, 1} and abs(drawn.mean()) < 0.15
