"""Makes the HTML of one file a part of the site: anchors, links to pages, tables that scroll."""

import posixpath
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

from utils.course.site.contents import address_of
from utils.course.site.tables import tidy_table

HEADINGS = ("h1", "h2", "h3", "h4")
Address = Callable[[str], str]
PICTURES = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp")


@dataclass
class Fragment:
    """The body of a page, its sections, and the files that it links and shows."""

    body: BeautifulSoup
    outline: list[tuple[str, str]] = field(default_factory=list)  # anchor and words of each h2
    files: set[str] = field(default_factory=set)


def make_fragment(
    html: str, source: str, root: Path, pages: Collection[str], address: Address = address_of
) -> Fragment:
    """`pages` are the files that have a page; a link from prose gives other files one as well.

    `address` tells where the page of a file lies, relative to the root.
    """
    fragment = Fragment(BeautifulSoup(html, "html.parser"))
    for tag in fragment.body(["style", "script", "link"]):
        tag.decompose()
    _set_anchors(fragment)
    for code in fragment.body("pre"):
        code.attrs.pop("style", None)
    for table in fragment.body("table"):
        tidy_table(table)
    for picture in fragment.body("img"):
        _set_picture(picture, source, root, fragment)
    for link in fragment.body("a", href=True):
        _set_link(link, source, root, pages, fragment, address)
    return fragment


def slug(heading: str) -> str:
    """The anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _set_anchors(fragment: Fragment) -> None:
    taken: dict[str, int] = {}
    for heading in fragment.body(HEADINGS):
        words = heading.get_text().strip()
        name = slug(words)
        taken[name] = taken.get(name, -1) + 1
        heading["id"] = f"{name}-{taken[name]}" if taken[name] else name
        if heading.name == "h2":
            fragment.outline.append((heading["id"], words))
        if heading.name != "h1":
            link = fragment.body.new_tag("a", href=f"#{heading['id']}", attrs={"class": "anchor"})
            link["aria-label"] = "Link to this section"
            heading.append(link)


def _set_picture(picture: Tag, source: str, root: Path, fragment: Fragment) -> None:
    """Pictures of the repository come along; of one elsewhere remain the words."""
    address = picture.get("src", "")
    if not address.startswith("data:"):
        target = _target(address, source, root)
        if target is None or _in_output(picture):
            picture.replace_with(picture.get("alt", ""))
            return
        fragment.files.add(target)
    box = BeautifulSoup().new_tag("span", attrs={"class": "picture"})
    picture.wrap(box)


def _set_link(
    link: Tag,
    source: str,
    root: Path,
    pages: Collection[str],
    fragment: Fragment,
    address: Address,
) -> None:
    parts = urlsplit(link["href"])
    if parts.scheme or parts.netloc:
        return
    anchor = f"#{slug(unquote(parts.fragment))}" if parts.fragment else ""
    if not parts.path:
        link["href"] = anchor
        return
    target = _target(parts.path, source, root)
    if target is None or (target not in pages and _in_output(link)):
        link.unwrap()  # the words stay
        return
    fragment.files.add(target)
    there = target if target.endswith(PICTURES) else address(target)
    link["href"] = posixpath.relpath(there, posixpath.dirname(address(source)) or ".") + anchor


def _target(address: str, source: str, root: Path) -> str | None:
    """The file that an address in `source` means; None where the repository has none."""
    if urlsplit(address).scheme or address.startswith("/"):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), unquote(address)))
    if path.startswith("..") or not (root / path).exists():
        return None
    if (root / path).is_dir():
        path = posixpath.normpath(posixpath.join(path, "README.md"))
    return path if (root / path).is_file() else None


def _in_output(tag: Tag) -> bool:
    """What a run has shown may name files that are private."""
    return tag.find_parent(class_="output") is not None
