"""The words of the site by section, for the search that runs in the browser."""

import json
from collections.abc import Iterable

from bs4 import Tag

from utils.course.site.contents import Page
from utils.course.site.fragment import HEADINGS, Fragment


def sections_of(page: Page, fragment: Fragment) -> list[dict]:
    """Address, title, heading and words of each section, without what runs have printed."""
    sections = [_section(page, page.address, "")]
    for part in fragment.body.children:
        if isinstance(part, Tag) and part.name in HEADINGS:
            anchor = "" if part.name == "h1" else f"#{part['id']}"
            heading = part.get_text().strip() if anchor else ""
            sections.append(_section(page, page.address + anchor, heading))
        elif not (isinstance(part, Tag) and "output" in part.get("class", [])):
            sections[-1]["text"] += f" {part.get_text()}"
    for section in sections:
        section["text"] = " ".join(section["text"].split())
    return [section for section in sections if section["text"] or section["heading"]]


def index_script(sections: Iterable[dict]) -> str:
    """The index as a script: browsers let no page read a data file from a disk."""
    rows = [json.dumps(section, ensure_ascii=False) for section in sections]
    return "window.SECTIONS = [\n" + ",\n".join(rows) + "\n];\n"


def _section(page: Page, address: str, heading: str) -> dict:
    return {"address": address, "title": page.title, "heading": heading, "text": ""}
