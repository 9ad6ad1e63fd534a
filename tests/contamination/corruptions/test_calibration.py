"""A level is found by its similarity, and is the end of the span where that is out of reach."""

import pytest

from utils.contamination.corruptions import calibration
from utils.contamination.corruptions.calibration import (
    calibrated_levels,
    drawn_levels,
    mean_similarity,
)
from utils.contamination.corruptions.common import Contrast, Defocus, Gamma
from utils.contamination.corruptions.levels import DRAWN, FILE_SIZE, SIMILARITY
from utils.data.phantoms import draw

FILES = draw("chest_phantom", 64, 12, views=1)


def test_the_level_that_is_found_has_the_similarity_that_was_wanted():
    (level,) = calibrated_levels(Defocus, "xray", FILES, (0.8,))
    assert mean_similarity(Defocus(strength=level), FILES) == pytest.approx(0.8, abs=0.01)


def test_what_is_out_of_reach_gets_the_strongest_level():
    assert calibrated_levels(Contrast, "xray", FILES, (-0.9,)) == (Contrast.span[1],)


def test_levels_on_drawn_images_have_the_similarity_of_their_severity(monkeypatch):
    monkeypatch.setattr(calibration, "PATIENTS", 12)
    others = draw(DRAWN["xray"], FILE_SIZE, 12, seed=5, views=1)
    found = [mean_similarity(Gamma(strength=x), others) for x in drawn_levels(Gamma, "xray")]
    assert found == pytest.approx(SIMILARITY, abs=0.06)


def test_an_unchanged_image_has_a_similarity_of_one():
    assert mean_similarity(Contrast(strength=1e-9), FILES) == pytest.approx(1, abs=1e-6)
