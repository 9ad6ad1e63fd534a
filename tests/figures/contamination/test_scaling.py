"""Hidden images: what is seen and what is predicted."""

import numpy as np
import pandas as pd
import pytest
from figure_samples import HEAT, PIXELS, check_drawn
from matplotlib.colors import same_color
from small import NAMES

from utils import figures
from utils.figures.elements.style import ATTACKED, CLEAN

REACH = [
    pd.DataFrame(rows, ["nearest", "area"], [2, 4])
    for rows in ([[20.4, 30.0], [13.0, 13.0]], [[False, False], [False, True]])
]
FILES = {"dark": 2 * (255 * PIXELS[0],), "bright": 2 * (255 * PIXELS[1],)}
QUALITY = pd.DataFrame({"to hidden": [50.0, 20], "to visible": [15.0, 20]}, [100, 10])
FIGURES = {
    "footprints": lambda: figures.footprints({name: HEAT[0] - 0.2 for name in NAMES}),
    "hidden_images": lambda: figures.hidden_images({"a dot": 3 * (255 * PIXELS[0],)}, zoom=4),
    "vulnerability_map": lambda: figures.vulnerability_map(*REACH),
    "seen_and_predicted": lambda: figures.seen_and_predicted(FILES, ["dark, 90 %", "dark, 80 %"]),
    "likeness_by_quality": lambda: figures.likeness_by_quality({"a": QUALITY, "b": QUALITY}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_a_target_that_was_missed_gets_a_cross_and_no_number():
    shown = [text.get_text() for text in FIGURES["vulnerability_map"]().axes[0].texts]
    assert sorted(shown) == ["13", "20", "30", "×"]


def test_what_changed_most_is_enlarged():
    before = np.zeros((1, 40, 40))
    after = before.copy()
    after[0, 30:34, 10:14] = 200
    part = figures.hidden_images({"spot": (before, after, after)}, zoom=8).axes[2].images[0]
    assert (part.get_array() == 200).sum() == 16


def test_the_large_images_are_not_shown_as_the_pipeline_reads_them():
    axes = FIGURES["hidden_images"]().axes
    ways = [axis.images[0].get_interpolation() for axis in axes]
    assert ways == ["hanning", "hanning", "none", "none"]


def test_only_a_prediction_that_contradicts_the_eye_is_orange():
    below = FIGURES["seen_and_predicted"]().axes[2:]
    colours = [axis.xaxis.label.get_color() for axis in below]
    assert same_color(colours[0], CLEAN) and same_color(colours[1], ATTACKED)
