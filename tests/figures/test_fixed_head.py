"""The simplex is drawn as it is, gains as they were given, and trainings beside their mean."""

import numpy as np
import pytest
from figure_samples import check_drawn, words

from utils import figures
from utils.evaluation.intervals import Interval
from utils.figures.fixed_head import TETRAHEDRON, TRIANGLE, VIEW

GAIN, LOSS, NEITHER = Interval(0.1, 0.05, 0.15), Interval(-0.1, -0.2, -0.01), Interval(0, -0.1, 0.1)
BY_RATIO = {"RECT": {8: NEITHER, 50: GAIN}, "weights": {8: LOSS, 50: NEITHER}}
SINGLE = {name: {8: [-0.05, 0.02], 50: [0.04, 0.2]} for name in BY_RATIO}
PLACES = {name: np.repeat(TRIANGLE, 2, 0) for name in ("ETF", "ETF + RECT")}
FIGURES = {
    "simplexes": figures.simplexes,
    "features_on_simplex": lambda: figures.features_on_simplex(
        PLACES, np.repeat([0, 1, 2], 2), ("normal", "nodule", "cavity")
    ),
    "gains_by_imbalance": lambda: figures.gains_by_imbalance(BY_RATIO, SINGLE, "accuracy"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


@pytest.mark.parametrize("corners", [TRIANGLE, TETRAHEDRON], ids=["triangle", "tetrahedron"])
def test_corners_are_a_simplex(corners):
    expected = np.full((len(corners), len(corners)), -1 / (len(corners) - 1))
    np.fill_diagonal(expected, 1)
    assert corners @ corners.T == pytest.approx(expected)


def test_the_eye_looks_along_axes_of_its_own():
    assert pytest.approx(np.eye(2), abs=0.01) == VIEW @ VIEW.T


def test_a_feature_on_its_direction_lies_at_the_tip_of_its_arrow():
    for axis in FIGURES["features_on_simplex"]().axes:
        tips = [text.xy for text in axis.texts if getattr(text, "arrow_patch", None)]
        dots = [line.get_xydata() for line in axis.lines if line.get_marker() == "o"]
        assert np.repeat(tips, 2, 0) == pytest.approx(np.concatenate(dots))
    assert {"ETF", "ETF + RECT", "normal", "nodule", "cavity"} <= words(axis.figure)


def test_gains_are_in_points_and_have_their_trainings_beside_them():
    axis = FIGURES["gains_by_imbalance"]().axes[0]
    lines = {line.get_label(): line for line in axis.lines}
    assert lines["RECT"].get_ydata() == pytest.approx([0, 10])
    pale = [line.get_ydata() for line in axis.lines if line.get_alpha()]
    assert len(pale) == 4 and pale[1] == pytest.approx([4, 20])
    assert {"8 : 1", "50 : 1"} <= words(axis.figure) and axis.get_xscale() == "log"
