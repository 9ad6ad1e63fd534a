"""Members of an ensemble: shares in the colour of their outcome, cosines beside their control."""

import numpy as np
from figure_samples import check_drawn
from matplotlib.colors import to_rgba

from utils import figures
from utils.evaluation.intervals import Interval
from utils.figures.elements.style import ATTACKED, CLEAN

AT_ONCE = {name: np.array([0.5, 0.3, 0.2]) for name in ("by chance", "clean", "attacked")}
PAIRS = {("a", "b"): (Interval(0.3, 0.2, 0.4), Interval(0.0, -0.1, 0.1))}


def test_members_that_err_at_once_are_shares_and_coloured_by_outcome():
    figure = figures.wrong_at_once(AT_ONCE)
    check_drawn(figure)
    groups = figure.axes[0].containers
    assert [[bar.get_height() for bar in group] for group in groups] == [[0.5, 0.3, 0.2]] * 3
    colours = [group[0].get_facecolor() for group in groups]
    assert colours[1:] == [to_rgba(CLEAN), to_rgba(ATTACKED)]


def test_cosines_of_a_pair_stand_beside_their_control():
    figure = figures.slope_cosines(PAIRS)
    check_drawn(figure)
    axis = figure.axes[0]
    dots = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "o"]
    assert dots == [0.3, 0.0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a · b"]
