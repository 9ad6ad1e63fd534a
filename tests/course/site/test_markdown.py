import json

import pytest

from utils.course.site.markdown import formula_to_html, markdown_to_html
from utils.course.upkeep import notebook_files


def test_a_formula_becomes_mathml():
    html = markdown_to_html("With $x_t$:\n\n$$\\mathbb E\\,x \\le \\varepsilon$$")
    assert html.count("<math") == 2 and 'display="block"' in html
    assert "&#x1D53C;" in html and "$" not in html


def test_a_formula_that_cannot_be_read_stays_as_it_was_written():
    assert formula_to_html("\\nonsense{x}") == "<code>\\nonsense{x}</code>"
    assert formula_to_html("a_1_2") == "<code>a_1_2</code>"


@pytest.mark.parametrize("path", notebook_files(), ids=lambda path: path.stem)
def test_every_formula_of_the_course_can_be_drawn(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    prose = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    for text in (text for text in prose if "$" in text):
        assert "<code>\\" not in markdown_to_html(text)


def test_text_in_a_folded_answer_is_read():
    html = markdown_to_html("<details><summary>Answer</summary>\n\nIt is *low*.\n\n</details>")
    assert "<em>low</em>" in html and html.index("<details>") < html.index("</details>")
