"""A figure shows itself: sharp, small, and the same each time."""

import base64
import inspect
from io import BytesIO
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figure_samples import SPLIT
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from utils import figures
from utils.figures.elements import notebook_figure
from utils.figures.elements.grid import show_image
from utils.figures.elements.notebook_figure import (
    BUDGET,
    SCREEN,
    STYLE,
    house_style,
    panel,
    panels,
    small_png,
    with_palette,
)


@house_style
def lines():
    """A line that falls & rises.

    Nothing else.
    """
    figure, axis = panel(6, 3)
    axis.plot([0, 1, 2], [3, 1, 2], label="a line")
    axis.set(xlabel="time (days)", title="one line")
    axis.legend()
    return figure


@house_style
def pictures(images):
    figure, axes = panels(1, len(images), 2 * len(images), 2)
    for axis, image in zip(axes[0], images, strict=True):
        show_image(axis, image)
    return figure


def noise(size, channels=1):
    return np.random.default_rng(0).integers(0, 256, (channels, size, size))


def test_lines_and_words_are_svg_in_pixels_of_a_screen():
    (svg,) = lines().mime_bundle()[0].values()
    assert svg.startswith("<svg") and "time (days)" in svg
    width = float(svg.split('width="')[1].split('"')[0])
    assert width == pytest.approx(6 * SCREEN, abs=12)


def test_words_stand_for_a_figure_where_it_cannot_be_seen():
    words = "A line that falls & rises. Titles: one line. Axes: time (days). Legend: a line."
    figure = lines()
    assert figure.alt == words
    svg = ElementTree.fromstring(figure.mime_bundle()[0]["image/svg+xml"])
    title = svg.find("{http://www.w3.org/2000/svg}title")
    assert svg.get("role") == "img" and title.text == words
    assert figure.quick_bundle()[1]["image/png"]["alt"] == words
    assert pictures([noise(8)])._png(2)[1]["alt"] == "Figure"
    figure.axes[0].set_title("t" * 5000)
    assert len(figure.alt) < 500


def test_every_figure_of_the_course_says_what_it_shows():
    drawing = [draw for draw in vars(figures).values() if hasattr(draw, "__wrapped__")]
    assert len(drawing) > 40 and all(map(inspect.getdoc, drawing))


def test_the_same_figure_is_the_same_file_on_every_day():
    for draw in (lines, lambda: pictures(SPLIT.images[:2])):
        assert draw().mime_bundle() == draw().mime_bundle()
    assert "date" not in lines().mime_bundle()[0]["image/svg+xml"].lower()


def test_an_image_in_an_svg_keeps_its_own_pixels():
    image = noise(8)
    embedded = notebook_figure.EMBEDDED.findall(pictures([image])._svg())
    (stored,) = (np.array(Image.open(BytesIO(base64.b64decode(text)))) for text in embedded)
    assert stored.shape == (8, 8)
    assert np.abs(stored.astype(int) - image[0]).max() <= 1  # a colour map rounds down


def test_a_png_is_shown_at_half_its_pixels_in_few_colours():
    data, size = pictures([noise(8)])._png(2)
    image = Image.open(BytesIO(base64.b64decode(data)))
    assert image.width == pytest.approx(2 * size["width"], abs=1) and image.mode == "L"
    image = Image.open(BytesIO(base64.b64decode(pictures([noise(64, 3)])._png(1)[0])))
    assert image.mode == "P"


def test_the_scale_of_a_heat_map_survives_a_palette():
    """Flat cells, and around them more colours than the palette has."""
    cells = [plt.get_cmap("viridis")(level, bytes=True)[:3] for level in range(40, 100)]
    edges = noise(160, 3).astype(np.uint8).transpose(1, 2, 0)
    picture = np.concatenate([np.repeat(np.array([cells], np.uint8), 60, 0).repeat(3, 1)[:, :160],
                              edges])  # fmt: skip
    kept = np.array(with_palette(Image.fromarray(picture), 256).convert("RGB"))
    assert (kept[:60] == picture[:60]).all()
    before = np.array(
        Image.fromarray(picture).quantize(96, Image.Quantize.MAXCOVERAGE).convert("RGB")
    )
    assert (before[:60] != picture[:60]).any()


def test_a_picture_gets_fewer_colours_only_where_it_is_too_large():
    picture = Image.fromarray(noise(64, 3).astype(np.uint8).transpose(1, 2, 0))
    colours = [
        len(Image.open(BytesIO(small_png(picture, budget))).getcolors()) for budget in (9_000, 10)
    ]
    assert colours[0] > 96 >= colours[1]


def test_the_smaller_format_is_shown_and_none_is_too_large(monkeypatch):
    figure = pictures(SPLIT.images[:2])
    data, _ = figure.mime_bundle()
    assert len(*data.values()) == min(len(figure._svg()), len(figure._png(2)[0]))
    monkeypatch.setattr(notebook_figure, "BUDGET", 40_000)
    figure = pictures([noise(280)])
    data, metadata = figure.mime_bundle()
    assert len(data["image/png"]) < len(figure._png(2)[0]) and BUDGET > 40_000
    assert metadata["image/png"] == pytest.approx(figure._png(2)[1], abs=2)  # as large, less fine


def test_a_cell_shows_a_figure_once():
    shell = InteractiveShell.instance()
    shell.user_ns["figure"] = lines()
    with capture_output() as captured:
        shell.run_cell("figure")
    (output,) = captured.outputs
    assert set(output.data) == {"image/svg+xml"}
    InteractiveShell.clear_instance()


def test_settings_of_matplotlib_stay_as_they_were():
    before = dict(plt.rcParams)
    assert before["font.size"] != STYLE["font.size"]
    figure = lines()
    figure.savefig(BytesIO())
    assert dict(plt.rcParams) == before and not plt.get_fignums()
    assert {label.get_fontsize() for label in figure.axes[0].get_xticklabels()} == {11}


def test_a_figure_that_follows_a_slider_is_a_png_at_double_resolution():
    data, metadata = lines().quick_bundle()
    image = Image.open(BytesIO(base64.b64decode(data["image/png"])))
    size = metadata["image/png"]
    assert abs(size["width"] - 6 * SCREEN) < 30 and abs(size["height"] - 3 * SCREEN) < 30
    assert (image.width // 2, image.height // 2) == (size["width"], size["height"])
