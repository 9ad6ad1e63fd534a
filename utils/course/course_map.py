"""The map of the course: what notebooks/README.md and README.md say of each chapter.

By hand are the parts, the order and what a chapter shows. The rest follows from the notebooks:
numbers, levels, minutes, needs, the ways between chapters, and the first row of a new chapter,
below the one that its first screen names as `Before this`.
"""

import json
import os
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from utils import HOME
from utils.course.plan import FIRST, LAST, Notebook, read_course
from utils.files import write_json

MAP, README = "notebooks/README.md", "README.md"
MINUTES = "assets/course_minutes.json"  # of each chapter, on one CPU core
PART = re.compile(r"^\|[^|]*\| *\*\*(.+?)\*\* *\|")
ROW = re.compile(r"^\| *(\d*) *\| *\[(\w+)\]\(([^)#\s]+\.ipynb)\) *\|([^|]*)\|.*$", re.MULTILINE)
LINK = r"\[\w+\]\(\S+?\.ipynb\)"
OF_A_PART = re.compile(rf"^(\| *([^|]+?) *\| *){LINK}(?: · {LINK})*", re.MULTILINE)  # in README.md
TOTAL = re.compile(r"(<!-- minutes -->).*?(<!-- /minutes -->)")
LEVEL = re.compile(r"^\*Level ((?:\\\*)+) · (\d+) minutes? on one CPU core", re.MULTILINE)
TITLE = re.compile(r"\A# +(?:\d+ · )?(?:[^:\n]+: )?(.+)")
BEFORE = re.compile(r"^Before this: \[(\w+)\]", re.MULTILINE)
WANTED = r"*Level \*\* · 2 minutes on one CPU core · needs [prepare_dataset](PATH)*"


@dataclass(frozen=True)
class Place:
    """Where a chapter stands: its number, and the links to the chapters beside it."""

    number: str = ""
    before: str = ""
    after: str = ""


NOWHERE = Place()


def write_map(root: Path = HOME) -> None:
    """Bring both pages up to date with the notebooks and their minutes."""
    for name, page in mapped(root).items():
        (root / name).write_text(page, encoding="utf-8", newline="\n")


def mapped(root: Path = HOME) -> dict[str, str]:
    """Both pages by name, as they should be; none where there is no map."""
    if not (root / MAP).exists():
        return {}
    course, minutes = read_course(root), read_minutes(root)
    page = with_new_rows((root / MAP).read_text(encoding="utf-8"), course, root)
    pages = {MAP: with_facts(page, course, minutes)}
    if (root / README).exists():
        pages[README] = with_parts((root / README).read_text(encoding="utf-8"), pages[MAP])
    unknown = set(course) - set(minutes)
    return pages if unknown else {n: with_total(p, minutes) for n, p in pages.items()}


def places(root: Path = HOME) -> dict[str, Place]:
    """The place of each notebook in the map, by its path; empty where there is no map."""
    page = (root / MAP).read_text(encoding="utf-8") if (root / MAP).exists() else ""
    rows = [(number, _source(link)) for number, _, link, _ in ROW.findall(page)]
    sources = ["", *(source for _, source in rows), ""]
    return {
        source: Place(number, _link(before, source), _link(after, source))
        for (number, source), before, after in zip(rows, sources, sources[2:], strict=False)
    }


def with_new_rows(page: str, course: Mapping[str, Notebook], root: Path) -> str:
    """A map with a row for each chapter; it shows what its title says, until you write more."""
    while missing := set(course) - {row[1] for row in ROW.findall(page)}:
        known = {row[2]: row.end() for row in ROW.finditer(page)}
        above = {
            name: found[1] for name in missing if (found := BEFORE.search(course[name].screen))
        }
        ready = sorted(name for name in above if above[name] in known)
        if not ready:
            raise ValueError(
                f"{min(missing)} is not in {MAP}, and its first screen has no line such as "
                "`Before this: [museum](museum.ipynb) · Next: ...` that names a chapter there"
            )
        name, end = ready[0], known[above[ready[0]]]
        link = Path(os.path.relpath(course[name].path, root / "notebooks")).as_posix()
        page = f"{page[:end]}\n| | [{name}]({link}) | {_shows(course[name])} | | | |{page[end:]}"
    return page


def with_facts(page: str, course: Mapping[str, Notebook], minutes: Mapping[str, int]) -> str:
    """A map whose numbers follow its rows, and levels, minutes and needs the notebooks."""
    numbers = count()
    return ROW.sub(lambda row: f"| {next(numbers)} {_facts(row, course, minutes)}", page)


def with_parts(readme: str, page: str) -> str:
    """README.md with the chapters of each part; what stands behind them stays."""
    parts, part = {}, ""
    for line in page.split("\n"):
        part = found[1] if (found := PART.match(line)) else part
        if row := ROW.match(line):
            parts.setdefault(part, []).append(f"[{row[2]}]({_source(row[3])})")
    return OF_A_PART.sub(
        lambda m: m[1] + " · ".join(parts[m[2]]) if m[2] in parts else m[0], readme
    )


def with_total(page: str, minutes: Mapping[str, int]) -> str:
    """A page with the minutes of the whole course, on two cores."""
    both = 5 * max(1, round(sum(minutes.values()) / 2 / 5))
    return TOTAL.sub(rf"\g<1>{both} minutes\g<2>", page)


def collect_minutes(root: Path = HOME) -> dict[str, int]:
    """Bring the committed minutes up to date with the runs that lie here."""
    minutes = read_minutes(root)
    for path in root.glob("assets/course/quick/logs/*.cost.json"):
        if seconds := json.loads(path.read_text(encoding="utf-8"))["cpu_seconds"]:
            minutes[path.name.partition(".")[0]] = max(1, round(seconds / 60))
    if minutes:
        write_json(root / MINUTES, dict(sorted(minutes.items())))
    return minutes


def read_minutes(root: Path) -> dict[str, int]:
    """The committed minutes; none before the first run."""
    path = root / MINUTES
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _facts(row: re.Match, course: Mapping[str, Notebook], minutes: Mapping[str, int]) -> str:
    """A row without its number."""
    name, head = row[2], f"| [{row[2]}]({row[3]}) |{row[4]}|"
    if name not in course:
        raise ValueError(f"{MAP} has a row for {name}, and there is no such notebook")
    if not (found := LEVEL.search(course[name].screen)):
        raise ValueError(f"{name}: the first screen lacks a line such as {WANTED}")
    needs = ", ".join(need for need in course[name].needs if need != FIRST) or "–"
    return (
        f"{head} {found[1]} | {minutes.get(name, found[2])} | {'all' if name == LAST else needs} |"
    )


def _shows(notebook: Notebook) -> str:
    """The title, without what stands before its colon."""
    found = TITLE.match(notebook.screen)
    return found[1].replace("|", "/") if found else notebook.path.stem


def _source(link: str) -> str:
    """The file that a link of the map leads to, relative to the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(MAP), link))


def _link(source: str, seen_from: str) -> str:
    if not source:
        return ""
    name = posixpath.splitext(posixpath.basename(source))[0]
    return f"[{name}]({posixpath.relpath(source, posixpath.dirname(seen_from))})"
