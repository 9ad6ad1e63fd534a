"""Rows of characters are counted; anatomy is none."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from utils.audit.pixels.burnt_in_text import longest_row
from utils.data.phantoms import draw

NAMES = ("brain_phantom", "chest_phantom")


def row(grey):
    return longest_row(grey, np.bincount(grey.ravel(), minlength=256))


@pytest.mark.parametrize("ink", [0, 255])
@pytest.mark.parametrize("height", [12, 20])
def test_a_row_of_characters_is_counted(height, ink):
    image = Image.new("L", (240, 240), 120)
    font = ImageFont.load_default(height)
    ImageDraw.Draw(image).text((10, 200), "ID 48213 M", fill=ink, font=font)
    assert row(np.asarray(image)) >= 5


def test_drawn_brains_hold_no_text_and_some_drawn_films_a_word():
    brains, films = (draw(name, 160, 40).images[:40, 0].numpy() for name in NAMES)
    assert not any(row(image) > 4 for image in brains)
    assert any(row(image) > 4 for image in films)  # PORTABLE


def test_an_empty_image_has_none():
    assert row(np.zeros((64, 64), np.uint8)) == 0


@pytest.mark.parametrize("scale", [1, 3])  # with so many pixels the parts have longer numbers
def test_strokes_of_two_kinds_make_no_row_of_both(scale):
    image = Image.new("L", (240, 240), 120)
    font = ImageFont.load_default(12)
    for place, ink in ((10, "white"), (90, "black")):
        ImageDraw.Draw(image).text((place, 100), "MRI HEAD", fill=ink, font=font)
    one = image.crop((0, 0, 85, 240)).resize((85 * scale, 240 * scale), Image.Resampling.NEAREST)
    both = image.resize((240 * scale, 240 * scale), Image.Resampling.NEAREST)
    assert row(np.asarray(both)) <= 8 and abs(row(np.asarray(both)) - row(np.asarray(one))) <= 1
