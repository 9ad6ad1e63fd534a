"""The picture of an attack shows the attack, and its outcome in colour."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from figure_samples import (
    ANSWERS,
    HEAT,
    MASKS,
    PIXELS,
    SPLIT,
    SUITE,
    check_balanced,
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
ACROSS = np.linspace(-2, 2, 9)
PLANE = ACROSS + 0 * ACROSS[:, None]  # uphill to the right
LOOKS = ("looks", "looks without masks")
FIGURES = {
    "accuracy_by_epsilon": lambda: figures.accuracy_by_epsilon(
        {"standard training": SUITE.curve(ANSWERS, "pgd"), "x": SUITE.curve(ANSWERS, "fgsm")}
    ),
    "perturbations": lambda: figures.perturbations(FEW, CHANGED, SURE),
    "change_grid": lambda: figures.change_grid(PIXELS, PIXELS + 0.1, "abc", "abd", 2),
    "looks": lambda: figures.heatmap_grid(
        SPLIT.images[:3], MASKS, {"clean": HEAT}, {"clean": ["a", "b", "c"]}
    ),
    "looks without masks": lambda: figures.heatmap_grid(
        SPLIT.images[:3], None, {"clean": HEAT}, {"clean": ["a", "b", "c"]}
    ),
    "smallest_changes": lambda: figures.smallest_changes(
        {"standard": np.array([0, 0.01, 0.5, np.inf])},
        {"standard": SUITE.curve(ANSWERS, "pgd")},
    ),
    "loss_surface": lambda: figures.loss_surface(ACROSS, PLANE, PLANE > 1.1),
    "sensitivities": lambda: figures.sensitivities({"standard": HEAT[0], "adversarial": HEAT[1]}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_the_line_of_smallest_changes_falls_where_an_image_does():
    (line, *_), largest = FIGURES["smallest_changes"]().axes[0].lines, max(SUITE.sizes)
    levels, left = line.get_xdata(), line.get_ydata()
    assert levels[-1] == pytest.approx(255 * largest) and left[0] == 0.75
    steps = [0.75 if level < 2.55 else (0.5 if level < 127.5 else 0.25) for level in levels]
    assert left.tolist() == steps


def test_the_prediction_turns_where_the_orange_line_is():
    axis = FIGURES["loss_surface"]().axes[0]
    assert len(axis.collections) == 2  # the loss, and the line
    line = axis.collections[1]
    assert to_hex(line.get_edgecolor()[0]) == ATTACKED.lower()
    (path,) = line.get_paths()
    assert (path.vertices[:, 0] > 1).all() and (path.vertices[:, 0] < 1.5).all()
    same = figures.loss_surface(ACROSS, PLANE, PLANE > 9)  # it never turns
    assert len(same.axes[0].collections) == len(axis.collections) - 1


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


def test_a_constant_answer_has_its_share_although_one_class_is_common():
    check_balanced(lambda curve: figures.accuracy_by_epsilon({"standard": curve}))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_line_below_an_equal_one_can_be_seen(count):
    """Under one step PGD is FGSM."""
    curves = {str(number): SUITE.curve(ANSWERS, "pgd") for number in range(count)}
    lines = figures.accuracy_by_epsilon(curves).axes[0].lines[:count]
    for below, above in pairwise(lines):
        assert below.get_linewidth() > above.get_linewidth() + 0.7
        assert below.get_markersize() > above.get_markersize() + 1
    assert lines[-1].get_linewidth() == 1.5
