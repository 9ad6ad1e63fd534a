"""Heat maps, sensitivities and the loss around an image."""

import numpy as np
import pytest
from figure_samples import (
    HEAT,
    MASKS,
    SPLIT,
    check_drawn,
    words,
)
from matplotlib.colors import to_hex

from utils import figures
from utils.figures.elements.style import ATTACKED

ACROSS = np.linspace(-2, 2, 9)
PLANE = ACROSS + 0 * ACROSS[:, None]  # uphill to the right
LOOKS = ("looks", "looks without masks")
FIGURES = {
    "looks": lambda: figures.heatmap_grid(
        SPLIT.images[:3], MASKS, {"clean": HEAT}, {"clean": ["a", "b", "c"]}
    ),
    "looks without masks": lambda: figures.heatmap_grid(
        SPLIT.images[:3], None, {"clean": HEAT}, {"clean": ["a", "b", "c"]}
    ),
    "loss_surface": lambda: figures.loss_surface(ACROSS, PLANE, PLANE > 1.1),
    "sensitivities": lambda: figures.sensitivities({"standard": HEAT[0], "adversarial": HEAT[1]}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_the_prediction_turns_where_the_orange_line_is():
    axis = FIGURES["loss_surface"]().axes[0]
    assert len(axis.collections) == 2  # the loss, and the line
    line = axis.collections[1]
    assert to_hex(line.get_edgecolor()[0]) == ATTACKED.lower()
    (path,) = line.get_paths()
    assert (path.vertices[:, 0] > 1).all() and (path.vertices[:, 0] < 1.5).all()
    same = figures.loss_surface(ACROSS, PLANE, PLANE > 9)  # it never turns
    assert len(same.axes[0].collections) == len(axis.collections) - 1


def test_an_empty_heat_map_is_reported():
    assert "c\n(no heat)" in words(FIGURES["looks"]())


def test_the_finding_is_outlined_on_the_maps_and_hides_nothing_of_the_image():
    outlines = [[len(axis.collections) for axis in FIGURES[name]().axes] for name in LOOKS]
    assert outlines == [[0, 0, 0, 1, 1, 1], [0] * 6]


def test_a_picture_of_sensitivity_says_its_correlation_with_the_first():
    titles = [axis.get_title() for axis in FIGURES["sensitivities"]().axes[:2]]
    alike = np.corrcoef(HEAT[0].ravel(), HEAT[1].ravel())[0, 1]
    assert titles == ["standard", f"adversarial\ncorrelation with the first: {alike:.2f}"]


def test_the_maps_of_two_halves_say_what_correlation_can_be_expected():
    maps = {"standard": HEAT[0], "adversarial": HEAT[1]}
    first, second = figures.sensitivities(maps, halves=(HEAT[0], HEAT[0] + 1)).axes[:2]
    assert first.get_title() == "standard\ntwo halves of the images: 1.00"
    assert second.get_title().startswith("adversarial\ncorrelation with the first: ")
