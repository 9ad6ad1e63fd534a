"""Keeps map and notebooks alike: numbers, minutes and claims, the way on, Colab, nbval.

python -m utils.course.upkeep               what `make format` does
python -m utils.course.upkeep URL           what `make links URL=...` does; '' removes it
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from utils import HOME
from utils.course.claims import as_committed, found_in_words, read_claims
from utils.course.course_map import NOWHERE, Place, places, read_minutes, write_map
from utils.course.plan import read_course
from utils.course.records import leaves_record
from utils.figures.elements.notebook_figure import small_png
from utils.run import folder_of

IGNORED, COMPARED = "nbval-ignore-output", "nbval-check-output"
MEASURED = "measured"  # a tag by hand: looks like a fact, but differs between machines or runs
A_MEASURED_NUMBER = re.compile(r"\d\.\d|\d ?%|\d ?(ms|s|min)\b|\be[+-]\d")
NUMBERED = re.compile(r"\A# +(?:\d+ · )?")
TEASER = "teaser.png"  # what a run calls it
TEASER_BYTES = 60_000  # of a picture on the first screen
ON_ONE_CORE = re.compile(r"\d+ minutes?(?= on one CPU core)")
BADGE = re.compile(r"^\[!\[Open in Colab\].*\n\n?", re.MULTILINE)
FOUND = re.compile(r"(<!-- claim:(.+?) -->)(.*?)(<!-- /claim -->)", re.DOTALL)
ADDRESS = re.compile(r"(https|ssh|file)://[\w./~:@%+-]+")
EXPLORATORY = (
    "*A comparison below that is no claim is exploratory: "
    "it shows an interval and gets no verdict.*"
)
WAYS = re.compile(r"^Before this: .* · Words: ", re.MULTILINE)
BESIDE = re.compile(r"(?P<way>Before this|Next): (?P<link>\[\w+\]\(\S+?\.ipynb\)).*?(?= · )")
NEXT = re.compile(r"^Before this: .*? · (?:Next|After): (.*?) · Words: ", re.MULTILINE)
SETUP = re.compile(r'import os\nimport sys\n\nif "COLAB_.*?environ\["PYTHONPATH"\]\)', re.DOTALL)

BOOTSTRAP = """import os
import sys

if "COLAB_RELEASE_TAG" in os.environ and not os.path.exists("../utils"):
    if os.path.exists("second-look.zip"):  # made by `make archive`, then uploaded
        !{sys.executable} -m zipfile -e second-look.zip .
    else:
        FETCH
    %cd -q second-look/notebooks
    !{sys.executable} -m pip install -q -r ../env/requirements.txt
    os.environ["PYTHONPATH"] = os.path.abspath("..")
    sys.path.insert(0, os.environ["PYTHONPATH"])"""
UPLOAD = 'raise FileNotFoundError("upload second-look.zip, which `make archive` makes")'


def tidy_notebooks(root: Path = HOME) -> None:
    """Bring map and notebooks in line with each other, with pyproject.toml, claims and outputs."""
    write_map(root)
    url, claims, chapters = repository(root), read_claims(root), places(root)
    minutes = read_minutes(root)
    for path in notebook_files(root):
        before, name = path.read_text(encoding="utf-8"), path.relative_to(root).as_posix()
        place = chapters.get(name, NOWHERE)
        after = tidy(before, name, url, claims, place, minutes.get(path.stem))
        if after != before:
            path.write_text(after, encoding="utf-8", newline="\n")


def copy_teasers(root: Path = HOME) -> None:
    """The picture on the first screen of each chapter that ran here as it is committed.

    Of a chapter that leaves no record, such as results, that of its own data set and seed.
    """
    folders = {record.name: record.folder for record in as_committed(root / "assets")}
    for name, notebook in read_course().items():
        own = notebook.defaults
        if "DATASET" in own and not leaves_record(notebook):
            seed = f"seed_{own.get('SEED', 0)}"
            folders[name] = root / "assets" / folder_of(own["DATASET"]) / name / seed
    for name, folder in folders.items():
        if (made := folder / TEASER).exists():
            picture = small_png(Image.open(made).convert("RGB"), TEASER_BYTES)
            (root / f"assets/readme/{name}.png").write_bytes(picture)


def set_repository(url: str, root: Path = HOME) -> None:
    """Write the public address of the course to pyproject.toml and every notebook; '' removes."""
    if url and not ADDRESS.fullmatch(url):
        raise ValueError(f"{url!r} is no address; give one such as https://host/owner/name, or ''")
    path = root / "pyproject.toml"
    text = re.sub(r"^Repository = .*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    entry = f'Repository = "{url}"\n' if url else ""
    text = text.replace("[project.urls]\n", f"[project.urls]\n{entry}", 1)
    path.write_text(text, encoding="utf-8", newline="\n")
    tidy_notebooks(root)


def repository(root: Path = HOME) -> str:
    """The public address of the course; empty while it has none."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project.get("urls", {}).get("Repository", "")


def notebook_files(root: Path = HOME) -> list[Path]:
    return sorted([*root.glob("dataset/*.ipynb"), *root.glob("notebooks/*.ipynb")])


def tidy(
    text: str,
    name: str,
    url: str,
    claims: Iterable = (),
    place: Place = NOWHERE,
    minutes: int | None = None,
) -> str:
    """The text of a notebook: its number, minutes, badge, claims, way on, lines for Colab, tags."""
    notebook = json.loads(text)
    _set_number(notebook["cells"][0], place.number)
    _set_minutes(notebook["cells"][0], minutes)
    _set_badge(notebook["cells"][0], name, url)
    _set_claims(notebook["cells"][0], [row for row in claims if row["chapter"] == Path(name).stem])
    _set_neighbours(notebook["cells"][0], place)
    _set_next(notebook["cells"][0], notebook["cells"][-1])
    for cell in (cell for cell in notebook["cells"] if cell["cell_type"] == "code"):
        source = SETUP.sub(lambda _: bootstrap(url), "".join(cell["source"]))
        cell["source"] = source.splitlines(keepends=True)
        _set_tag(cell)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def bootstrap(url: str) -> str:
    """The lines that fetch the course on Colab, from its address or from an uploaded archive."""
    return BOOTSTRAP.replace("FETCH", f"!git clone -q {url} second-look" if url else UPLOAD)


def is_compared(cell: dict) -> bool:
    """Whether nbval compares the output: text without a measured number, or marked by hand."""
    tags = cell["metadata"].get("tags", [])
    if MEASURED in tags or COMPARED in tags:
        return COMPARED in tags
    texts = [_plain_text(output) for output in cell["outputs"]]
    return None not in texts and not A_MEASURED_NUMBER.search("\n".join(texts))


def _plain_text(output: dict) -> str | None:
    """What an output says; None where it is more than text, such as a picture or a table."""
    if output["output_type"] == "stream":
        return "".join(output["text"])
    data = output.get("data", {})
    return "".join(data["text/plain"]) if set(data) == {"text/plain"} else None


def _set_tag(cell: dict) -> None:
    tags = [tag for tag in cell["metadata"].get("tags", []) if tag != IGNORED]
    cell["metadata"]["tags"] = tags if is_compared(cell) else [*tags, IGNORED]


def _set_number(cell: dict, number: str) -> None:
    """The number of the chapter before its title."""
    title = f"# {number} · " if number else "# "
    source = NUMBERED.sub(title, "".join(cell["source"]), count=1)
    cell["source"] = source.splitlines(keepends=True)


def _set_minutes(cell: dict, minutes: int | None) -> None:
    """On the first screen, as in the map; before the first run all stays as it is."""
    if minutes is not None:
        words = f"{minutes} minute{'s' * (minutes > 1)}"
        cell["source"] = ON_ONE_CORE.sub(words, "".join(cell["source"])).splitlines(keepends=True)


def _set_claims(cell: dict, claims: list[dict]) -> None:
    """Fill <!-- claim:NAME --> ... <!-- /claim -->; before the first run all stays as it is.

    A chapter with claims also says what its other comparisons are.
    """
    found = {row["name"]: found_in_words(row) for row in claims}
    source = FOUND.sub(lambda m: f"{m[1]}{found.get(m[2], m[3])}{m[4]}", "".join(cell["source"]))
    source = source.replace(f"\n\n{EXPLORATORY}", "") + f"\n\n{EXPLORATORY}" * bool(claims)
    cell["source"] = source.splitlines(keepends=True)


def _set_neighbours(cell: dict, place: Place) -> None:
    """The chapters beside this one in the map; a remark goes with the chapter it is about."""

    def as_in_the_map(found: re.Match) -> str:
        link = place.before if found["way"] == "Before this" else place.after
        return found[0] if link in ("", found["link"]) else f"{found['way']}: {link}"

    line = WAYS.search(source := "".join(cell["source"]))
    if line:
        source = source.replace(line[0], BESIDE.sub(as_in_the_map, line[0]))
    cell["source"] = source.splitlines(keepends=True)


def _set_next(first: dict, last: dict) -> None:
    """The way to the next chapter, as on the first screen, as the last line."""
    if found := NEXT.search("".join(first["source"])):
        text = "".join(last["source"]).partition("\n\nNext: ")[0].rstrip("\n")
        last["source"] = f"{text}\n\nNext: {found[1]}".splitlines(keepends=True)


def _set_badge(cell: dict, name: str, url: str) -> None:
    """Under the title; Colab opens notebooks from GitHub only."""
    title, _, rest = BADGE.sub("", "".join(cell["source"])).partition("\n\n")
    home = "https://colab.research.google.com"
    if url.startswith("https://github.com/"):
        place = url.removeprefix("https://github.com/").removesuffix(".git").rstrip("/")
        link = f"{home}/github/{place}/blob/main/{name}"
        rest = f"[![Open in Colab]({home}/assets/colab-badge.svg)]({link})\n\n{rest}"
    cell["source"] = "\n\n".join(filter(None, (title, rest))).splitlines(keepends=True)


if __name__ == "__main__":
    try:
        set_repository(sys.argv[1]) if sys.argv[1:] else tidy_notebooks()
    except ValueError as error:
        sys.exit(f"upkeep: {error}")
