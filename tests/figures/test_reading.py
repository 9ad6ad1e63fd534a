"""Pairs for a reader."""

import numpy as np
import pandas as pd
import pytest
from figure_samples import SPLIT, check_drawn, words

from utils import figures
from utils.evaluation.intervals import Interval
from utils.figures.elements.style import ATTACKED, CLEAN

SCORES = pd.DataFrame(
    {"value": [0.5, 0.9], "low": [0.4, 0.8], "high": [0.6, 1.0]}, index=["network", "look-up"]
)
READ = {name: dict.fromkeys(("clean", "attacked"), Interval(0.5, 0.3, 0.7)) for name in "ab"}
KAPPAS = pd.DataFrame([[np.nan, -0.25], [-0.25, np.nan]], index=list("ab"), columns=list("ab"))
FIGURES = {
    "pairs": lambda: figures.pairs(SPLIT.images[:4].reshape(2, 2, 1, 16, 16).numpy()),
    "readers": lambda: figures.readers(SCORES, READ, 0.3),
    "agreement": lambda: figures.agreement({"clean": KAPPAS, "attacked": KAPPAS}),
    "power_by_pairs": lambda: figures.power_by_pairs(
        [6, 7, 8], {"60 %": [0.1, 0.2, 0.3], "90 %": [0.5, 0.6, 0.7]}, 7
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_a_pair_is_named_as_on_the_page():
    assert {"pair 1", "pair 2", "A", "B"} <= words(FIGURES["pairs"]())


def test_readers_stand_beside_a_coin_and_the_model_beside_them():
    figure = FIGURES["readers"]()
    left, right = figure.axes
    assert {"coin", "commonest class", "clean", "attacked"} <= words(figure)
    assert [text.get_text() for text in left.get_yticklabels()] == ["a", "b"]
    assert {line.get_color() for line in right.lines} >= {CLEAN, ATTACKED}


def test_kappa_is_written_into_its_cell_and_the_diagonal_stays_empty():
    shown = words(FIGURES["agreement"]())
    assert "-0.25" in shown and "nan" not in shown


def test_the_number_of_pairs_of_the_kit_is_marked():
    figure = FIGURES["power_by_pairs"]()
    assert "this kit" in words(figure)
    assert list(figure.axes[0].lines[-1].get_xdata()) == [7, 7]
