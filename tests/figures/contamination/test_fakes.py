"""What a detector flags."""

import pytest
from figure_samples import check_drawn, words

from utils import figures
from utils.evaluation.intervals import Interval

PAIR = Interval(0.9, 0.85, 0.95), Interval(0.2, 0.1, 0.3)


def test_known_and_unknown_stand_side_by_side_with_their_names():
    figure = figures.flagged_shares({"a_b": PAIR, "c": PAIR}, {"untouched": PAIR[::-1]}, 0.01)
    check_drawn(figure)
    assert {"family known", "family never met", "a b", "untouched"} <= words(figure)
    left, right = figure.axes
    dots = [line.get_xdata()[0] for line in left.lines if line.get_marker() == "o"]
    assert dots == pytest.approx([0.9, 0.9, 0.2, 0.2])
    assert left.lines[-1].get_xdata()[0] == 0.01 and "flagged (%)" in right.get_xlabel()
