"""Images under attack: the change, its factor, and the outcome in colour."""

import numpy as np
import pytest
import torch
from figure_samples import (
    PIXELS,
    SPLIT,
    check_drawn,
    words,
)
from matplotlib.colors import to_hex

from utils import figures
from utils.figures.elements.style import ATTACKED, CLEAN

FEW = SPLIT.take(range(2))
SIGNS = torch.ones_like(PIXELS[:2])
SIGNS[:, :, ::2] = -1
CHANGED = {"random signs": PIXELS[:2] + 4 / 255 * SIGNS, "PGD": PIXELS[:2] + 4 / 255}
SURE = {
    "random signs": np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]),
    "PGD": np.array([[0.1, 0.8, 0.1], [0.1, 0.6, 0.3]]),
}
FIGURES = {
    "perturbations": lambda: figures.perturbations(FEW, CHANGED, SURE),
    "change_grid": lambda: figures.change_grid(PIXELS, PIXELS + 0.1, "abc", "abd", 2),
    "patch_gallery": lambda: figures.patch_gallery(
        (None, PIXELS[0, :, :4, :4]),
        {"clean": PIXELS[:2], "square": PIXELS[:2]},
        {"clean": ["dark", "bright"], "square": ["dark", "dark"]},
    ),
    "attack_gallery": lambda: figures.attack_gallery(
        PIXELS[0], {"(clean)": PIXELS[0], "noise": PIXELS[1]}, ["dark", "bright"], 10
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_every_change_stands_beside_the_others_on_one_scale():
    rows = np.array(FIGURES["perturbations"]().axes).reshape(4, 4)
    titles = [row[1].get_title() for row in rows]
    assert titles == ["+ random signs, ±4 (× 32)", "+ PGD, ±4 (× 32)"] * 2
    assert len({row[1].images[0].get_clim() for row in rows}) == 1
    shown = rows[0, 1].images[0].get_array()
    np.testing.assert_allclose(shown, 4 * SIGNS[0, 0], atol=1e-3)


def test_the_colour_follows_the_outcome_of_an_image_and_not_its_row():
    rows = np.array(FIGURES["perturbations"]().axes).reshape(4, 4)
    verdicts = [(row[3].title.get_color(), row[3].get_title()) for row in rows]
    assert verdicts == [
        (CLEAN, "still right: 80 %"),
        (ATTACKED, "wrong: 80 %"),
        (CLEAN, "still right: 80 %"),
        (CLEAN, "still right: 60 %"),
    ]
    bars = [to_hex(bar.get_facecolor()).upper() for bar in rows[1, 3].patches]
    assert bars[:2] == [CLEAN, ATTACKED]
    assert [bar.get_width() for bar in rows[1, 3].patches] == pytest.approx([10, 80, 10])


def test_changes_of_colour_images_are_drawn_in_colour():
    colour = FEW.__class__(FEW.images.expand(-1, 3, -1, -1), FEW.labels, FEW.class_names)
    changed = {"PGD": colour.images / 255 + 2 / 255}
    figure = figures.perturbations(colour, changed, {"PGD": SURE["PGD"]})
    check_drawn(figure)
    assert figure.axes[1].images[0].get_array().shape == (16, 16, 3)


def test_a_magnified_change_says_its_factor_and_a_flip_is_orange():
    figure = FIGURES["change_grid"]()
    assert {"before", "change × 2", "after"} <= words(figure)
    after = figure.axes[-3:]
    assert [axis.get_xlabel() for axis in after] == ["a", "b", "d"]
    assert [axis.xaxis.label.get_color() for axis in after] == [CLEAN, CLEAN, ATTACKED]


def test_a_prediction_that_a_square_turns_is_orange():
    axes = FIGURES["patch_gallery"]().axes
    colours = [axis.xaxis.label.get_color() for axis in axes[4:]]
    assert [axis.get_xlabel() for axis in axes[4:]] == ["dark", "dark"]
    assert colours == [CLEAN, ATTACKED]


def test_a_gallery_says_its_factor_and_shows_what_was_changed():
    figure = FIGURES["attack_gallery"]()
    assert {"change × 10", "(clean)", "noise"} <= words(figure)
    colours = [axis.xaxis.label.get_color() for axis in figure.axes[:2]]
    assert colours == [CLEAN, ATTACKED]
    change = figure.axes[3].images[0].get_array()
    np.testing.assert_allclose(change, 255 * (PIXELS[1] - PIXELS[0])[0], atol=1e-3)
