"""Numbers about the pixels of each file."""

import numpy as np
from folders import picture, plain_facts

from utils.audit.pixels.measures import measure_files, measures


def test_measures_are_what_they_are_called():
    grey = np.full((40, 40), 100, np.uint8)
    grey[:4] = 255
    found = measures(grey)
    assert (found["darkest"], found["brightest"]) == (100, 255)
    assert found["white"] == found["black or white"] == 0.1 and found["one level"] == 0.9
    assert np.isclose(found["entropy"], -(0.1 * np.log2(0.1) + 0.9 * np.log2(0.9)))


def test_a_blurred_image_is_less_sharp():
    sharp = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    soft = np.kron(sharp[::8, ::8], np.ones((8, 8))).astype(np.uint8)
    assert measures(soft)["log sharpness"] < measures(sharp)["log sharpness"]


def test_files_are_measured_at_their_own_size_and_missing_ones_as_they_were_read(tmp_path):
    picture(tmp_path / "0.png", size=(80, 80))
    facts = plain_facts(2).assign(
        file=[str(tmp_path / f"{n}.png") for n in (0, 1)], width=80, frame=0
    )
    found = measure_files(facts, np.full((2, 1, 32, 32), 9, np.uint8))
    assert found["one level"].tolist()[1] == 1 and found["one level"][0] < 0.5
