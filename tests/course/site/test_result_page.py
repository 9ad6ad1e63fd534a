"""The page of a run stands alone: each of its links and pictures leads to what is there."""

import base64
import shutil
from urllib.parse import urlsplit

import nbformat.v4 as v4
import pytest
from bs4 import BeautifulSoup
from toy_site import SVG, code, notebook, shown, text_of, write_repository

from utils import HOME
from utils.course.site.result_page import write_result_page

PROSE = """# 28 · Results: what was found

![curve](../assets/curve.png) ![elsewhere](https://example.org/badge.svg)

[resnet](resnet.ipynb#How-sure-are-we?) · [data](../dataset/prepare_dataset.ipynb) ·
[words](README.md#glossary) · [gone](gone.md) · [below](#numbers) · [away](https://example.org)

## Numbers
"""


def parse(page):
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def dead_ends(page):
    """Links and pictures that lead to no file, or that only a network brings."""
    parsed = parse(page)
    for address in (tag.get("href") or tag.get("src") for tag in parsed(["a", "img", "link"])):
        parts = urlsplit(address)
        if parts.scheme in ("data", "https"):
            continue
        known = (
            (page.parent / parts.path).is_file() if parts.path else parsed.find(id=parts.fragment)
        )
        if not known:
            yield address


@pytest.fixture
def work(tmp_path):
    write_repository(tmp_path)
    work = tmp_path / "assets/course/quick"
    (work / "notebooks").mkdir(parents=True)
    made = notebook(v4.new_markdown_cell(PROSE), code("f()", shown(**{"image/svg+xml": SVG})))
    (work / "notebooks/results.ipynb").write_text(text_of(made), encoding="utf-8")
    (work / "notebooks/resnet.ipynb").write_text("{}", encoding="utf-8")
    return work


def test_links_lead_to_executed_chapters_else_to_committed_files(work, tmp_path):
    page = work / "results.html"
    write_result_page(work / "notebooks/results.ipynb", page, tmp_path)
    links = {link.get_text(): link["href"] for link in parse(page)("a") if link.get_text()}
    assert links == {
        "resnet": "notebooks/resnet.ipynb#how-sure-are-we",
        "data": "../../../dataset/prepare_dataset.ipynb",
        "words": "../../../notebooks/README.md#glossary",
        "below": "#numbers",
        "away": "https://example.org",
    }
    assert list(dead_ends(page)) == [] and parse(page).title.get_text() == "Results: what was found"


def test_pictures_are_in_the_page_and_it_loads_nothing(work, tmp_path):
    page = work / "results.html"
    write_result_page(work / "notebooks/results.ipynb", page, tmp_path)
    curve, figure = (picture["src"] for picture in parse(page)("img"))
    assert curve == f"data:image/png;base64,{base64.b64encode(b'not a picture').decode()}"
    assert figure.startswith("data:image/svg+xml")
    assert not parse(page)(["script", "link"])


def test_of_the_committed_results_no_link_is_dead(tmp_path):
    for name in ("notebooks", "dataset", "assets"):
        (tmp_path / name).symlink_to(HOME / name)
    executed, page = tmp_path / "run/notebooks/results.ipynb", tmp_path / "run/results.html"
    executed.parent.mkdir(parents=True)
    shutil.copy(HOME / "notebooks/results.ipynb", executed)
    write_result_page(executed, page, tmp_path)
    assert list(dead_ends(page)) == [] and len(parse(page)("img")) > 1
