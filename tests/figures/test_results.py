"""All models of the course in one picture, however many there are."""

import numpy as np
import pytest
from figure_samples import check_drawn, words

from utils import figures
from utils.evaluation.conditions import Condition
from utils.evaluation.intervals import Interval
from utils.figures.elements.style import ATTACKED, CLEAN, DEFENDED

PGD_4 = Condition("pgd", 4 / 255, 1)
TRAININGS = ("standard", "fast", "adversarial")
VOTES = [("ensemble", vote) for vote in ("soft vote", "learned votes", "stacking", "blending")]
NAMES = [(f"network_{n}", training) for n in range(4) for training in TRAININGS] + VOTES


def around(value: float) -> Interval:
    return Interval(value, value - 0.1, value + 0.1)


SCORES = {
    name: {"clean": around(0.8), "attacked": around(0.01 * number)}
    for number, name in enumerate(NAMES)
}
DROPS = {name: {"noise": around(1), "attacked": around(60 + n)} for n, name in enumerate(NAMES)}
FIGURES = {
    "slopes": lambda: figures.slopes(SCORES, 0.25, PGD_4, "balanced accuracy"),
    "drops": lambda: figures.drops_by_model(DROPS),
    "no slope": lambda: figures.slopes({}, np.nan, None, "accuracy"),
    "no drop": lambda: figures.drops_by_model({}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn(name):
    check_drawn(FIGURES[name]())


def test_a_slope_goes_from_clean_to_attacked_in_the_colour_of_its_training():
    axis = FIGURES["slopes"]().axes[0]
    lines = [line for line in axis.lines if line.get_marker() == "o"]
    heights = [
        [100 * found[side].value for side in ("clean", "attacked")] for found in SCORES.values()
    ]
    assert [list(line.get_ydata()) for line in lines] == heights
    colours = {name: line.get_color() for name, line in zip(SCORES, lines, strict=True)}
    assert colours["network_0", "standard"] == colours["ensemble", "soft vote"] == CLEAN
    assert colours["network_0", "adversarial"] == DEFENDED
    assert colours["network_0", "fast"] not in (CLEAN, DEFENDED)


def test_a_slope_chart_says_which_attack_and_where_a_constant_answer_lies():
    shown = words(FIGURES["slopes"]())
    assert {"clean", "PGD, 4/255", "balanced accuracy (%)", "constant answer 25"} <= shown


def test_every_name_stands_at_the_end_of_its_line_and_on_no_other(tmp_path):
    figure = FIGURES["slopes"]()
    figure.savefig(tmp_path / "figure.png")  # which lays it out
    texts = {text.get_text(): text for text in figure.axes[0].texts}
    assert {"0  network 0, standard", "15  ensemble, blending"} <= set(texts)
    boxes = [text.get_window_extent() for text in texts.values() if "," in text.get_text()]
    bottoms = sorted(box.y0 for box in boxes)
    assert len(boxes) == len(NAMES) and min(np.diff(bottoms)) > 0.85 * max(b.height for b in boxes)


def test_a_drop_is_a_dot_on_its_interval_beside_that_of_noise():
    axis = FIGURES["drops"]().axes[0]
    dots = {
        colour: [line.get_xdata()[0] for line in axis.lines if line.get_color() == colour]
        for colour in {line.get_color() for line in axis.lines}
    }
    shown = [
        end for found in DROPS.values() for end in (found["attacked"].low, found["attacked"].value)
    ]
    assert dots[ATTACKED] == pytest.approx(shown)
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels[:2] == ["network 0, standard", "network 0, fast"]


@pytest.mark.parametrize("name", ["no slope", "no drop"])
def test_without_a_model_a_sentence_says_so(name):
    assert "No model without a red flag was attacked." in words(FIGURES[name]())


@pytest.mark.parametrize("name", ["slopes", "drops"])
def test_no_word_is_cut_off(name, tmp_path):
    figure = FIGURES[name]()
    figure.savefig(tmp_path / "figure.png")
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn.x0 > -0.03 and drawn.x1 < width + 0.03
    assert drawn.y0 > -0.03 and drawn.y1 < height + 0.03
