"""A page is one file, and its images are exactly those that were given."""

import base64
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from utils.figures.page import Folded, embed_png, html_page, noted


def test_a_title_is_text_and_not_code():
    page = html_page("<i> & $x", "<p>body</p>", ".mine { color: red; }")
    assert page.count("&lt;i&gt; &amp; $x") == 2 and "<i>" not in page
    assert "<p>body</p>" in page and ".mine { color: red; }" in page


def test_a_page_needs_no_network():
    page = html_page("title", "body").lower()
    for word in ("<script", "http", "://", "@import", "url(", "<link"):
        assert word not in page


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("compressed", [True, False])
def test_an_image_is_embedded_without_loss(channels, compressed):
    image = np.random.default_rng(0).integers(0, 256, (channels, 5, 7), dtype=np.uint8)
    address = embed_png(image, compressed)
    assert address.startswith("data:image/png;base64,")
    found = np.array(Image.open(BytesIO(base64.b64decode(address.split(",")[1]))))
    assert np.array_equal(found, image[0] if channels == 1 else image.transpose(1, 2, 0))


def test_without_compression_the_length_says_nothing_about_the_content():
    noise = np.random.default_rng(0).integers(0, 256, (1, 32, 32), dtype=np.uint8)
    flat = np.zeros_like(noise)
    assert len(embed_png(noise, False)) == len(embed_png(flat, False))
    assert len(embed_png(noise)) > len(embed_png(flat))


def test_a_note_stands_below_its_table_and_stays_when_columns_are_chosen():
    table = noted(pd.DataFrame({"a": [1, 2], "b": [3, 4]}), "too few < ten")
    for shown in (table, table[["b"]], table.loc[:, (table > 2).any()], table.rename(columns=str)):
        assert repr(shown).endswith("\ntoo few < ten")
        assert shown._repr_html_().endswith("</div><p>too few &lt; ten</p>")
    assert table.to_csv() == pd.DataFrame({"a": [1, 2], "b": [3, 4]}).to_csv()


def test_a_table_without_a_note_is_a_plain_one():
    assert type(noted(pd.DataFrame({"a": [1]}), "")) is pd.DataFrame


def test_a_folded_table_is_one_line_until_it_is_opened():
    folded = Folded("2 rows, a < b", pd.DataFrame({"a": [1, 2]}))
    head, table = folded._repr_html_().split("</summary>")
    assert repr(folded) == "2 rows, a < b" and head.endswith(">2 rows, a &lt; b")
    assert head.startswith("<details>") and "<td>2</td>" in table and table.endswith("</details>")
