"""Writes the site: a page for each text, chapter and linked source file (`make site`)."""

import posixpath
import shutil
import sys
from collections.abc import Iterator
from html import escape
from itertools import chain, pairwise
from pathlib import Path
from string import Template

from pygments.lexers import get_lexer_for_filename
from pygments.util import ClassNotFound

from utils import HOME
from utils.course.site.contents import Page, read_contents
from utils.course.site.fragment import PICTURES, Fragment, make_fragment
from utils.course.site.markdown import markdown_to_html
from utils.course.site.notebook import code_to_html, notebook_to_html
from utils.course.site.search import index_script, sections_of

HERE = Path(__file__).parent
FIXED = ("site.css", "site.js")


def build_site(root: Path, folder: Path) -> None:
    """Make the pages of the repository at `root`; what is in the folder already is overwritten."""
    contents = read_contents(root)
    pages = {page.source: page for page in chain(*contents.values())}
    fragments = {
        source: make_fragment(_html_of(root / source), source, root, pages) for source in pages
    }
    before, after = _neighbours(list(pages.values()))
    for source, page in pages.items():
        around = _around(page, before.get(source), after.get(source))
        _write(folder / page.address, _page(page, fragments[source], contents, around))
    linked = set(chain(*(fragment.files for fragment in fragments.values())))
    for source in sorted(linked - set(pages)):
        _add_file(source, root, folder, contents)
    sections = chain(*(sections_of(pages[source], made) for source, made in fragments.items()))
    _write(folder / "index.js", index_script(sections))
    for name in FIXED:
        shutil.copyfile(HERE / name, folder / name)


def _html_of(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return notebook_to_html(text) if path.suffix == ".ipynb" else markdown_to_html(text)


def _add_file(source: str, root: Path, folder: Path, contents: dict[str, list[Page]]) -> None:
    """A picture as it is; any other file as a page that shows its text."""
    if source.endswith(PICTURES):
        (folder / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / source, folder / source)
        return
    code = code_to_html((root / source).read_text(encoding="utf-8"), _language(source))
    fragment = make_fragment(f"<h1>{escape(source)}</h1>{code}", source, root, ())
    page = Page(source, source, "Source")
    _write(folder / page.address, _page(page, fragment, contents, ""))


def _language(source: str) -> str:
    try:
        return get_lexer_for_filename(source).aliases[0]
    except (ClassNotFound, IndexError):
        return "text"


def _neighbours(pages: list[Page]) -> tuple[dict[str, Page], dict[str, Page]]:
    """The page before and the page after each."""
    pairs = list(pairwise(pages))
    return {b.source: a for a, b in pairs}, {a.source: b for a, b in pairs}


def _page(page: Page, fragment: Fragment, contents: dict[str, list[Page]], around: str) -> str:
    up = posixpath.relpath(".", posixpath.dirname(page.address) or ".")
    place = [page.part, f"Chapter {page.number}"] if page.number else []
    template = Template((HERE / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(page.title if page.source == "README.md" else f"{page.title} – Second Look"),
        up="" if up == "." else f"{up}/",
        navigation="\n".join(_navigation(contents, page)),
        place=escape(" · ".join(place)),
        source=escape(page.source),
        body=str(fragment.body),
        outline=_outline(fragment),
        around=around,
    )


def _navigation(contents: dict[str, list[Page]], here: Page) -> Iterator[str]:
    for part, pages in contents.items():
        yield f"<h2>{escape(part)}</h2>\n<ul>"
        for page in pages:
            current = ' aria-current="page"' if page == here else ""
            number = f'<span class="number">{page.number}</span>' if page.number else ""
            label = f"{number}<span>{escape(page.label)}</span>"
            yield f'<li><a href="{_link(here, page)}"{current}>{label}</a></li>'
        yield "</ul>"


def _outline(fragment: Fragment) -> str:
    links = (f'<li><a href="#{name}">{escape(words)}</a></li>' for name, words in fragment.outline)
    return "<h2>On this page</h2>\n<ul>" + "".join(links) + "</ul>" if fragment.outline else ""


def _around(here: Page, before: Page | None, after: Page | None) -> str:
    made = []
    for page, kind, name in ((before, "prev", "Previous"), (after, "next", "Next")):
        if page:
            words = f"<small>{name}</small>{escape(page.label)}"
            made.append(f'<a class="{kind}" rel="{kind}" href="{_link(here, page)}">{words}</a>')
    return "\n".join(made)


def _link(here: Page, there: Page) -> str:
    return posixpath.relpath(there.address, posixpath.dirname(here.address) or ".")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    build_site(HOME, Path(sys.argv[1]))
