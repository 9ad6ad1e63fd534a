"""The page shows every image without loss and reveals nothing but its pixels."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from reading_samples import COLOUR, KIT, PAIRS, PNG

from utils.course.reading_kit import read_key, read_pictures, write_kit
from utils.course.reading_page import pictures_on, render_kit
from utils.data.split import to_uint8


@pytest.mark.parametrize("kit", [KIT, KIT | COLOUR], ids=["grey", "colour"])
def test_the_page_shows_every_picture_without_loss(kit, tmp_path):
    write_kit(tmp_path, **kit)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    shown = [Image.open(io.BytesIO(base64.b64decode(text))) for text in PNG.findall(page)]
    assert len(shown) == 2 * PAIRS
    wanted = {
        name: to_uint8(kit[name]).permute(0, 2, 3, 1).squeeze(3).numpy()
        for name in ("clean", "attacked")
    }
    for number, pair in enumerate(read_key(tmp_path)["pairs"]):
        for side, picture in zip("AB", shown[2 * number :][:2], strict=True):
            name = "attacked" if side == pair["tampered"] else "clean"
            assert np.array_equal(np.array(picture), wanted[name][pair["image"]])
    assert read_pictures(tmp_path).shape == (PAIRS, 2, *kit["clean"].shape[1:])


def test_the_page_works_from_a_file_without_network_or_script(folder):
    page = (folder / "page.html").read_text(encoding="utf-8").lower()
    for word in (
        "<script",
        "http",
        "://",
        'src="/',
        "@import",
        "url(",
        "<link",
        "onload",
        "onclick",
    ):
        assert word not in page


def test_nothing_but_the_pixels_tells_the_two_pictures_apart(folder):
    page = (folder / "page.html").read_text(encoding="utf-8")
    pngs = [base64.b64decode(text) for text in PNG.findall(page)]
    assert len({len(png) for png in pngs}) == 1, "a change compresses badly"
    assert len({png[:33] for png in pngs}) == 1  # signature and header
    assert not any(Image.open(io.BytesIO(png)).info for png in pngs)
    blocks = re.findall(r"<section>.*?</section>", PNG.sub("", page), re.DOTALL)
    assert len(blocks) == PAIRS and len({re.sub(r"\d+", "#", block) for block in blocks}) == 1
    for word in ("attacked", "clean", "adversarial", "seed", "key"):
        assert word not in PNG.sub("", page)


def test_the_page_names_classes_as_text_not_as_code(tmp_path):
    write_kit(tmp_path, **KIT | {"class_names": ("<b>", "$kit", "a & b")}, title="<i>")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;" in page and "$kit" in page and "a &amp; b" in page and "<i>" not in page


def test_pictures_come_back_from_a_page_as_they_went_in():
    pairs = np.random.default_rng(0).integers(0, 256, (3, 2, 1, 8, 8), dtype=np.uint8)
    page = render_kit("kit", "title", {"1": "a"}, pairs)
    assert np.array_equal(pictures_on(page), pairs)
    with pytest.raises(ValueError):
        pictures_on("<p>no picture</p>")


def test_small_images_are_enlarged_in_whole_steps():
    for side, width in ((8, 384), (100, 400), (500, 500)):
        page = render_kit("kit", "title", {}, np.zeros((1, 2, 1, side, side), np.uint8))
        assert page.count(f'width="{width}"') == 2
