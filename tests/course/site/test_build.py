import json
import posixpath
import re
import shutil
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup

from utils.course import plan
from utils.course.site.build import HERE, build_site


@pytest.fixture(scope="module")
def site(repository, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    build_site(repository, folder)
    return folder


def read(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def pages(folder):
    return {path.relative_to(folder).as_posix(): read(path) for path in folder.rglob("*.html")}


def broken_links(folder):
    """Links to other pages or to places in them that are not there."""
    found = pages(folder)
    for name, page in found.items():
        for link in page("a", href=True):
            parts = urlsplit(link["href"])
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), parts.path))
            target = path if parts.path else name
            known = (folder / target).is_file()
            if known and parts.fragment:
                known = found[target].find(id=parts.fragment)
            if not parts.scheme and not known:
                yield name, link["href"]


def loaded(folder):
    """What the pages load: addresses of scripts, styles and pictures."""
    for page in pages(folder).values():
        yield from (tag["src"] for tag in page(src=True))
        yield from (tag["href"] for tag in page("link", href=True))
    for path in folder.rglob("*.css"):
        yield from re.findall(r"url\(([^)]*)\)|@import (\S+)", path.read_text(encoding="utf-8"))


def test_every_link_leads_to_a_page_and_to_a_place_in_it(site):
    assert list(broken_links(site)) == []


def test_a_broken_link_would_be_found(site, tmp_path):
    shutil.copytree(site, tmp_path / "copy")
    (tmp_path / "copy/utils/tool.py.html").unlink()
    assert ("notebooks/index.html", "../utils/tool.py.html") in broken_links(tmp_path / "copy")


def test_no_page_loads_anything_from_another_host(site):
    addresses = list(loaded(site))
    assert any(address.endswith("site.css") for address in addresses)
    assert {urlsplit(address).scheme for address in addresses} <= {"", "data"}


def test_each_page_knows_the_way_to_its_style_and_to_all_others(site):
    for name, page in pages(site).items():
        for address in (page.link.find_next("link")["href"], page("script")[-1]["src"]):
            assert (site / posixpath.dirname(name) / address).resolve().is_file(), name
        labels = [link.get_text(" ") for link in page.nav("a")]
        assert labels == ["Second Look", "The course", "1 Data", "2 ResNet", "Results", "Data"]


def test_only_the_page_itself_is_marked_in_the_contents(site):
    (marked,) = read(site / "notebooks/resnet.html").nav(attrs={"aria-current": "page"})
    assert marked["href"] == "resnet.html"


def test_one_chapter_leads_to_the_next(site):
    page = read(site / "dataset/prepare_dataset.html")
    assert page.find("a", rel="next")["href"] == "../notebooks/resnet.html"
    assert page.find("a", rel="prev")["href"] == "../notebooks/index.html"


def test_a_word_is_found_in_its_section(site):
    script = (site / "index.js").read_text(encoding="utf-8")
    sections = json.loads(script.partition(" = ")[2].strip().rstrip(";"))
    assert [s["address"] for s in sections if "bootstrap" in s["text"]] == [
        "notebooks/resnet.html#how-sure-are-we"
    ]
    assert not [s for s in sections if "unindexed" in s["text"]]


def test_code_is_in_a_code_font_also_where_a_cell_shows_it(site):
    style = (site / "site.css").read_text(encoding="utf-8")
    assert re.search(r"\bpre\b[^{}]*\{ *font-family: var\(--mono\)", style)
    shown = read(site / "notebooks/resnet.html").select_one(".output .highlight pre")
    assert shown.get_text() == "def f" and "style" not in shown.attrs


def test_private_files_stay_where_they_are(site):
    names = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert "assets/curve.png" in names and not [name for name in names if "private" in name]


def test_the_same_files_make_the_same_site(site, repository, tmp_path):
    build_site(repository, tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert made == {path.relative_to(site): path.read_bytes() for path in site.rglob("*.*")}


def test_no_result_depends_on_the_site():
    assert {*HERE.glob("*.py")} <= plan.RUNNER
