"""A control that moves draws the picture again; without widgets the picture comes with advice."""

import ipywidgets
import numpy as np
import pytest

from utils.course.playground import widgets
from utils.course.playground.reading_game import ReadingGame
from utils.course.playground.widgets import Choice, Slider, play, slide
from utils.figures.playground import pair_and_change

PAIRS = np.zeros((2, 2, 1, 8, 8), np.uint8)
PAIRS[:, 0] = 9


@pytest.fixture
def outputs(monkeypatch):
    """What is displayed, in order; a picture that is replaced is one more output."""
    found = []

    class Handle:
        def update(self, data, **options):
            found.append(data)

    def display(thing, **options):
        found.append(thing)
        return Handle()

    monkeypatch.setattr(widgets, "display", display)
    return found


@pytest.fixture(autouse=True)
def live(monkeypatch):
    monkeypatch.delenv("SECOND_LOOK_BATCH", raising=False)


def draw(drawn):
    def figure_of(**values):
        drawn.append(values)
        return pair_and_change(PAIRS[0])

    return figure_of


def test_a_control_that_moves_draws_the_picture_again(outputs):
    drawn = []
    slide(draw(drawn), epsilon=Slider(4, 0, 16), image=Choice(["one", "two"], "two"))
    box, picture = outputs
    slider, choice = box.children
    slider.value, choice.value = 7, "one"
    assert [tuple(values.values()) for values in drawn] == [(4, "two"), (7, "two"), (7, "one")]
    assert len(outputs) == 4 and all(set(o) <= {"image/png", "image/svg+xml"} for o in outputs[1:])


def test_without_widgets_the_picture_comes_with_advice(outputs, monkeypatch):
    monkeypatch.setenv("SECOND_LOOK_BATCH", "1")
    drawn = []
    slide(draw(drawn), ratio=Slider(0.125, 0, 1, 0.1), seen_by=Choice(["one"]))
    play(ReadingGame(PAIRS, "AA", [("a", "b")] * 2))
    assert drawn == [{"ratio": 0.125, "seen_by": "one"}]
    assert not any(isinstance(output, ipywidgets.Widget) for output in outputs)
    assert "The picture shows ratio 0.125, seen by one." in outputs[0].data
    assert "The picture shows the first pair." in outputs[2].data
    assert all("jupyter lab" in outputs[place].data for place in (0, 2))


def test_a_slider_is_of_the_kind_of_its_step():
    assert isinstance(Slider(1, 0, 2).widget("a"), ipywidgets.IntSlider)
    assert isinstance(Slider(1, 0, 2, 0.5).widget("a"), ipywidgets.FloatSlider)
    log = Slider(0.01, 0.001, 1, log=True).widget("a")
    assert (log.min, log.max) == pytest.approx((-3, 0)) and log.value == pytest.approx(0.01)


def test_the_game_is_played_with_buttons(outputs):
    game = ReadingGame(PAIRS, "AA", [("a", "b")] * 2)
    play(game)
    row, said = outputs[0].children
    buttons = {button.description: button for button in row.children}
    enabled = lambda: {name for name, b in buttons.items() if not b.disabled}  # noqa: E731
    assert enabled() == {"A", "B", "cannot tell"} and "Pair 1 of 2" in said.value
    buttons["A"].click()
    assert enabled() == {"next pair"} and "Right." in said.value and "1 of 1" in said.value
    buttons["next pair"].click()
    assert game.shown == 1 and enabled() == {"A", "B", "cannot tell"}
    buttons["cannot tell"].click()
    assert enabled() == set() and "1 × cannot tell" in said.value
    assert outputs[-1] != outputs[1]  # the answer is shown
