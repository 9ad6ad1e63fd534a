"""A score beside the true one."""

import pytest
from figure_samples import check_drawn, words

from utils import figures
from utils.evaluation.intervals import Interval

CLAIMED = {"leak": 0.9, "wrong count": 0.5}
TRUE = {name: Interval(0.7, 0.6, 0.8) for name in CLAIMED}
FIGURES = {
    "claimed_vs_true": lambda: figures.claimed_vs_true(CLAIMED, TRUE),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_a_claim_is_a_cross_beside_the_true_interval():
    axis = FIGURES["claimed_vs_true"]().axes[0]
    crosses = [line for line in axis.lines if line.get_marker() == "X"]
    assert list(crosses[0].get_xdata()) == [90, 50]
    assert [list(line.get_xdata()) for line in axis.lines[:4:2]] == [pytest.approx([60, 80])] * 2
    assert [label.get_text() for label in axis.get_yticklabels()] == list(CLAIMED)


def test_what_a_defence_seems_worth_is_drawn_to_what_it_is_worth():
    rows = {
        "network": (Interval(0.8, 0.7, 0.9), Interval(0.1, 0.0, 0.2), Interval(0.1, 0.0, 0.2)),
        "rounded": (Interval(0.8, 0.7, 0.9), Interval(0.7, 0.6, 0.8), Interval(0.2, 0.1, 0.3)),
    }
    figure = figures.seeming_and_real(rows, "balanced accuracy", 0.25)
    check_drawn(figure)
    assert {*rows, "clean", "attacked", "attacked, knowing", "constant answer"} <= words(figure)
    spans = [list(line.get_xdata()) for line in figure.axes[0].lines if line.get_linewidth() == 6]
    assert spans == [[0.1, 0.1], [0.7, 0.2]]
