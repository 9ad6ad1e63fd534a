"""Sliders and buttons that redraw a picture; without widgets the picture stands alone.

The picture is an ordinary output with a name, so a notebook keeps it when the sliders are gone.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import ipywidgets
from IPython.display import DisplayHandle, Markdown, display

from utils.course.playground.reading_game import CHOICES, ReadingGame
from utils.figures.elements.notebook_figure import NotebookFigure
from utils.figures.elements.style import readable
from utils.run import in_batch

HOW_TO_PLAY = (
    "*{} appear when the notebook runs: start `.venv/bin/jupyter lab` in the folder of the course, "
    "open `notebooks/{}.ipynb`, and choose Run → Run All Cells. The picture shows {}.*"
)
WIDE = {"width": "34em"}
NAMED = {"description_width": "11em"}


@dataclass(frozen=True)
class Slider:
    """A number between two others; `log` spaces its steps evenly on a logarithmic scale."""

    value: float
    low: float
    high: float
    step: float = 1
    log: bool = False
    unit: str = ""

    def widget(self, name: str) -> ipywidgets.Widget:
        name += f" ({self.unit})" * bool(self.unit)
        shared = {"description": name, "style": NAMED, "layout": WIDE, "continuous_update": False}
        if not self.log:
            kind = ipywidgets.IntSlider if isinstance(self.step, int) else ipywidgets.FloatSlider
            return kind(value=self.value, min=self.low, max=self.high, step=self.step, **shared)
        low, high = math.log10(self.low), math.log10(self.high)
        scale = {"min": low, "max": high, "step": (high - low) / 100, "readout_format": ".3g"}
        return ipywidgets.FloatLogSlider(value=self.value, **scale, **shared)


@dataclass(frozen=True)
class Choice:
    """One of several names; the first unless `value` says otherwise."""

    options: Sequence[str]
    chosen: str = ""

    @property
    def value(self) -> str:
        return self.chosen or self.options[0]

    def widget(self, name: str) -> ipywidgets.Widget:
        return ipywidgets.Dropdown(
            options=list(self.options), value=self.value, description=name, style=NAMED, layout=WIDE
        )


def slide(figure_of: Callable[..., NotebookFigure], **controls: Slider | Choice) -> None:
    """Show the figure of the first values, and draw it again whenever a control moves."""
    values = {name: control.value for name, control in controls.items()}
    if in_batch():
        display(Markdown(HOW_TO_PLAY.format("The sliders", "playground", _in_words(values))))
        display(figure_of(**values))
        return
    widgets = {name: each.widget(readable(name)) for name, each in controls.items()}
    display(ipywidgets.VBox(list(widgets.values())))
    shown = show(figure_of(**values))

    def redraw(_) -> None:
        update(shown, figure_of(**{name: widget.value for name, widget in widgets.items()}))

    for widget in widgets.values():
        widget.observe(redraw, "value")


def play(game: ReadingGame, chapter: str = "playground") -> None:
    """Show a pair with a button for each answer, and the score below the buttons.

    Without widgets, a line says which `chapter` to open for them.
    """
    if in_batch():
        display(Markdown(HOW_TO_PLAY.format("The buttons", chapter, "the first pair")))
        display(game.figure())
        return
    buttons = {name: ipywidgets.Button(description=name) for name in CHOICES}
    buttons["next pair"] = ipywidgets.Button(description="next pair", button_style="info")
    feedback = ipywidgets.HTML()
    display(ipywidgets.VBox([ipywidgets.HBox(list(buttons.values())), feedback]))
    shown = show(game.figure())

    def refresh() -> None:
        feedback.value = f"{game.feedback}<br>{game.score}"
        for name, button in buttons.items():
            button.disabled = game.over or (name in CHOICES) == game.answered
        update(shown, game.figure())

    def press(button: ipywidgets.Button) -> None:
        if button.description in CHOICES:
            game.answer(button.description)
        else:
            game.go_on()
        refresh()

    for button in buttons.values():
        button.on_click(press)
    refresh()


def show(figure: NotebookFigure) -> DisplayHandle:
    """Display a figure that `update` can replace."""
    data, metadata = figure.quick_bundle()
    return display(data, metadata=metadata, raw=True, display_id=True)


def update(shown: DisplayHandle, figure: NotebookFigure) -> None:
    data, metadata = figure.quick_bundle()
    shown.update(data, metadata=metadata, raw=True)


def _in_words(values: Mapping[str, object]) -> str:
    shown = {
        readable(name): f"{v:.3g}" if isinstance(v, float) else v for name, v in values.items()
    }
    return ", ".join(f"{name} {value}" for name, value in shown.items())
