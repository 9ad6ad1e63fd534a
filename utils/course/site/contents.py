"""Which pages the site has, and in which order: the parts come from the map of the course."""

import json
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

MAP = "notebooks/README.md"
START = ("README.md", MAP)
REFERENCE = (
    *("assets/RESULTS.md", "utils/audit/README.md", "dataset/README.md", "env/README.md"),
    *("assets/README.md", "assets/benchmarks/README.md", "checkpoints/README.md"),
)
PART = re.compile(r"^\|[^|]*\| *\*\*(.+?)\*\* *\|")
CHAPTER = re.compile(r"^\| *(\d*) *\| *\[\w+\]\(([^)#]+\.ipynb)\)")
HEADING = re.compile(r"^# +(?:\d+ · )?(.+?)\s*$", re.MULTILINE)
PAGES = (".md", ".ipynb")


@dataclass(frozen=True)
class Page:
    """A page of the site and the file that it is made from, relative to the repository."""

    source: str
    title: str
    part: str
    number: str = ""

    @property
    def address(self) -> str:
        return address_of(self.source)

    @property
    def label(self) -> str:
        """The title without what follows its colon."""
        return self.title.partition(":")[0]


def address_of(source: str) -> str:
    """Where the page of a file lies: in the same folder as the file, so that links stay short."""
    folder, name = posixpath.split(source)
    if name == "README.md":
        return posixpath.join(folder, "index.html")
    stem, suffix = posixpath.splitext(source)
    return f"{stem if suffix in PAGES else source}.html"


def read_contents(root: Path) -> dict[str, list[Page]]:
    """The pages of each part: the entrance, the parts of the map, then what one looks up."""
    contents = {"Overview": _documents(root, "Overview", START)}
    contents |= _chapters(root, (root / MAP).read_text(encoding="utf-8"))
    return contents | {"Reference": _documents(root, "Reference", REFERENCE)}


def title_of(path: Path) -> str:
    """The first heading of a text or of a notebook; the name of the file where there is none."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    found = HEADING.search(text)
    return found[1].replace("`", "") if found else path.stem


def _source(link: str) -> str:
    """The file that a link of the map leads to, relative to the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(MAP), link))


def _documents(root: Path, part: str, sources: tuple[str, ...]) -> list[Page]:
    found = [source for source in sources if (root / source).exists()]
    return [Page(source, title_of(root / source), part) for source in found]


def _chapters(root: Path, text: str) -> dict[str, list[Page]]:
    """The rows of the map: bold ones open a part, those with a notebook are its chapters."""
    parts, part = {}, ""
    for line in text.splitlines():
        if opened := PART.match(line):
            part = opened[1]
        elif chapter := CHAPTER.match(line):
            number, source = chapter[1], _source(chapter[2])
            page = Page(source, title_of(root / source), part, number)
            parts.setdefault(part, []).append(page)
    if not parts or "" in parts:
        raise ValueError(f"{MAP} has no table of parts (bold rows) and chapters (linked notebooks)")
    return parts
