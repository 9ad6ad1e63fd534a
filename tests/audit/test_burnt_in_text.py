"""Rows of characters are counted; anatomy is none."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from utils.audit.burnt_in_text import longest_row
from utils.data.phantoms import draw

NAMES = ("brain_phantom", "chest_phantom")


@pytest.mark.parametrize("ink", [0, 255])
@pytest.mark.parametrize("height", [12, 20])
def test_a_row_of_characters_is_counted(height, ink):
    image = Image.new("L", (240, 240), 120)
    font = ImageFont.load_default(height)
    ImageDraw.Draw(image).text((10, 200), "ID 48213 M", fill=ink, font=font)
    assert longest_row(np.asarray(image)) >= 5


def test_drawn_brains_hold_no_text_and_some_drawn_films_a_word():
    brains, films = (draw(name, 160, 40).images[:40, 0].numpy() for name in NAMES)
    assert not any(longest_row(image) > 4 for image in brains)
    assert any(longest_row(image) > 4 for image in films)  # PORTABLE


def test_an_empty_image_has_none():
    assert longest_row(np.zeros((64, 64), np.uint8)) == 0
