import base64

from bs4 import BeautifulSoup
from toy_site import SVG, code, notebook, shown, text_of

from utils.course.site.notebook import NO_WIDGET, WIDGET, notebook_to_html


def page(*cells):
    return BeautifulSoup(notebook_to_html(text_of(notebook(*cells))), "html.parser")


def test_a_figure_is_an_image_with_its_width_and_keeps_its_style_for_itself():
    (image,) = page(code("f()", shown(**{"image/svg+xml": SVG, "text/plain": "f"})))("img")
    kind, _, data = image["src"].partition(",")
    assert kind == "data:image/svg+xml;base64" and base64.b64decode(data).decode() == SVG
    assert image["style"] == "--width: 300px"


def test_a_figure_has_words_for_those_who_cannot_see_it():
    titled = SVG.replace("<style>", "<title>a &lt; b, &quot;c&quot;</title><style>")
    png = shown(**{"image/png": "aGk="})
    named = shown(**{"image/png": "aGk="})
    named.metadata["image/png"] = {"width": 9, "alt": 'share of "x"'}
    images = page(code("f()", shown(**{"image/svg+xml": titled}), named, png))("img")
    assert [image["alt"] for image in images] == ['a < b, "c"', 'share of "x"', "Figure"]


def test_a_control_says_where_it_works_and_gives_way_to_a_picture():
    control = {WIDGET: {"model_id": "1"}, "text/plain": "IntSlider(value=1)"}
    assert NO_WIDGET.split(">")[1].split("<")[0] in page(code("f()", shown(**control))).get_text()
    assert page(code("f()", shown(**control, **{"image/png": "aGk="})))("img")


def test_output_that_was_printed_is_text():
    assert "a &lt; b" in str(page(code("f()", shown(text__plain="a < b"))))


def test_code_is_folded_where_the_notebook_folds_it():
    assert not page(code("f()"))("details")
    assert page(code("f()", jupyter={"source_hidden": True}))("details")
    assert page(code("if 'COLAB_RELEASE_TAG' in x: f()"))("details")
